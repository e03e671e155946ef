"""The code of the model of MLflow: this file is copied into the model, and MLflow runs it. No other module imports it.

It needs this package installed, at the version that the model's run has or a later one.
"""

from mlflow.models import set_model

from charrnn_exp.serving.mlflow_model import CharRNN

set_model(CharRNN())

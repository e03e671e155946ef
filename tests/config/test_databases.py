"""The address of a database holds no password, and none is shown."""

import pytest

from charrnn_exp.config.databases import find_database_problem, find_typed_passwords, name_driver


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///outputs/a.db",
        "sqlite:////tmp/a.db",
        "postgresql://host/db",
        "postgresql+psycopg://me@host:5432/db",
        "postgresql://me@host/db?sslmode=require",
    ],
)
def test_an_address_without_a_password_may_be_used(address: str) -> None:
    assert find_database_problem(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "studies.db",
        "sqlite://",
        "sqlite:///",
        "mysql://host/db",
        "postgresql://host",
        "postgresql://h:x/db",
        "a\nb",
    ],
)
def test_another_address_is_a_mistake(address: str) -> None:
    line = find_database_problem(address)
    assert line is not None
    assert line.startswith("hydra.sweeper.storage must be null, sqlite:///FILE or postgresql://USER@HOST/DATABASE, got")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:s3cret@host/db",
        "postgresql+psycopg://me:s3cret@host:5432/db",
        "postgresql://me:s3c/ret@s3cret@host/db",
        "postgresql://:s3cret@host/db",
        "postgresql://host/db?password=s3cret",
        "postgresql://host/db?user=me&sslpassword=s3cret",
        "mysql://me:s3cret@host/db",
        "sqlite:///me:s3cret@a.db",
    ],
)
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_typed_password_is_refused_and_not_repeated(address: str, quote: str) -> None:
    (line,) = find_typed_passwords(["seed=1", f"hydra.sweeper.storage={quote}{address}{quote}"])
    assert "must be without a password" in line
    assert "s3c" not in line
    assert find_database_problem(address) == line


def test_postgresql_is_spoken_to_by_the_driver_that_the_extra_brings() -> None:
    assert name_driver("postgresql://h/d") == "postgresql+psycopg://h/d"
    assert name_driver("sqlite:///a.db") == "sqlite:///a.db"

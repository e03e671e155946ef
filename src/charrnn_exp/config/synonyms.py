"""Words of the field, of other programs and of other libraries, and what they are called here."""

GROUPS_OF_SYNONYMS: dict[str, str] = {
    "dataset": "data corpus text",
    "dataset.path": "file filename input input_file input_txt data_file data_path data_dir text_file text_path",
    "dataset.encoding": "charset codec",
    "dataset.split": "splits",
    "dataset.val_fraction": "val_frac valid_frac val_size val_split validation_split validation_fraction",
    "dataset.test_fraction": "test_frac test_size test_split",
    "dataset.max_bytes": "max_size limit max_chars max_characters subset",
    "dataset.unit": "level tokenizer tokens byte bytes",
    "model.cell": "rnn_type cell_type rnn_cell arch architecture",
    "model.hidden_size": "hidden hidden_dim hidden_units hiddens units n_hidden num_hidden nhid rnn_size rnn_units "
    "num_units size width n_units state_size",
    "model.embedding_dim": "embedding embeddings emb embed emb_dim emb_size emsize embed_dim embed_size embedding_size "
    "n_embd d_model wordvec_size wordvec_dim",
    "model.num_layers": "layers n_layers nlayers n_layer num_layer depth",
    "model.dropout": "drop drop_rate drop_prob dropout_rate dropout_prob p_drop keep_prob recurrent_dropout",
    "model.tie_embeddings": "tied tie tie_weights weight_tying tied_weights",
    "model.layer_norm": "layernorm norm",
    "model.residual": "skip skip_connections",
    "model.parameter_budget": "budget params num_params parameters",
    "optimizer": "opt optim optimiser",
    "optimizer.learning_rate": "lr lrate rate max_lr base_lr step_size alpha",
    "optimizer.min_learning_rate": "min_lr lr_min eta_min",
    "optimizer.schedule": "scheduler lr_schedule lr_scheduler lr_decay anneal decay",
    "optimizer.decay_rate": "lr_decay_factor gamma decay_factor learning_rate_decay",
    "optimizer.decay_every_epochs": "lr_decay_every decay_every step_every",
    "optimizer.warmup_steps": "warmup warmup_iters lr_warmup warm_up",
    "optimizer.clip_norm": "clip grad_clip gradient_clip clip_grad max_grad_norm grad_norm clipping gradient_clipping "
    "clip_grad_norm clipnorm",
    "optimizer.clip_value": "clipvalue clip_grad_value",
    "optimizer.weight_decay": "wd l2 weightdecay wdecay",
    "optimizer.momentum": "beta1",
    "training.epochs": "epoch num_epochs n_epochs max_epochs nepochs",
    "training.max_steps": "steps iters iterations max_iters num_iters max_iterations num_steps updates train_steps",
    "training.batch_size": "batch bs batchsize train_batch_size batches minibatch",
    "training.sequence_length": "seq_len seq_length seqlen sequence_len bptt block_size context context_length window "
    "window_size maxlen max_length unroll num_unrollings",
    "training.precision": "dtype amp fp16 bf16 float16 half mixed_precision bfloat16",
    "training.ema_decay": "ema averaging swa",
    "training.early_stopping_patience": "stop early early_stop early_stopping earlystopping patience",
    "training.validate_every_steps": "eval_every eval_interval val_every validate_every eval_val_every val_interval "
    "validation_interval",
    "training.checkpoint_every_steps": "save_every save_interval checkpoint_every checkpoint_interval save_steps",
    "training.keep_checkpoints": "max_to_keep save_total_limit",
    "training.gradient_accumulation_steps": "accumulation accumulate grad_accum gradient_accumulation accum_steps",
    "training.init_from": "pretrained finetune fine_tune load_from init warm_start resume_from load init_weights",
    "training.shuffle": "random_order",
    "training.stateful": "carry_state keep_state",
    "sampling.temperature": "temp tau",
    "sampling.top_k": "topk k",
    "sampling.prompt": "prime prime_text primetext start start_text start_string seed_text prefix starter prompt_text",
    "sampling.prompt_file": "prime_file promptfile",
    "sampling.length": "len num_chars n_chars num_characters sample_length gen_length max_new_tokens "
    "sample_len num_tokens",
    "sampling.num_samples": "samples n_samples num_texts nsamples",
    "seed": "random_seed rng rng_seed manual_seed",
    "name": "out output out_dir output_dir outdir save_dir checkpoint_dir log_dir logdir exp_name project folder",
    "training.threads": "num_threads n_threads intra_op_threads",
    "sweep.jobs": "n_jobs num_jobs workers num_workers parallel",
    "tracking": "logging logger mlflow wandb tensorboard",
    "tracking.uri": "tracking_uri server",
    "tracking.experiment_name": "mlflow_experiment",
    "tracking.tags": "tag",
    "tracking.log_every_steps": "log_interval log_every logging_steps log_every_n_steps",
    # Verbs and flags.
    "train": "run fit training learn",
    "resume": "continue restart",
    "sample": "generate gen sampling predict write infer inference",
    "evaluate": "eval test score validate valid perplexity evaluation",
    "ui": "board dashboard gui web",
    "repair": "fix mend",
    "--help": "help usage man",
    "--version": "version",
    "--cfg job": "config cfg show settings",
    "-m": "sweep multirun grid search",
    # Options.
    "shakespeare": "tinyshakespeare tiny_shakespeare shakespeare_char tinyshakespear",
    "linux": "kernel linux_kernel",
    "warpeace": "war_and_peace warandpeace tolstoy wp",
    "enwik8": "wikipedia wiki hutter",
}
SYNONYMS: dict[str, tuple[str, ...]] = {}
"""What a word may mean here, by the word."""
for _meant, _words in GROUPS_OF_SYNONYMS.items():
    for _word in _words.split():
        SYNONYMS[_word] = (*SYNONYMS.get(_word, ()), _meant)

"""What other tools call the settings of a run: transformers, peft, TRL, axolotl, LLaMA-Factory, RecBole."""

KEYS: dict[str, str] = {
    "run.device": "device devices gpu gpus cuda gpu_id use_cpu no_cuda accelerator",
    "run.threads": "threads num_threads n_threads cpu_threads cores workers num_workers torch_threads",
    "data.split": "split splits eval_split splitting",
    "data.tie_rule": "ties tie_rule tie_break tie_breaking",
    "data.max_history": "max_history history history_length history_len max_len maxlen max_length seq_len "
    "sequence_length max_seq_length max_seq_len cutoff_len max_item_list_length context_length",
    "data.window": "window windows sliding_window",
    "tuning.method": "method peft peft_type adapter finetuning_type tuner",
    "tuning.rank": "rank r lora_r lora_rank lora_dim",
    "tuning.alpha": "alpha lora_alpha",
    "tuning.dropout": "dropout lora_dropout drop p_dropout dropout_rate",
    "tuning.targets": "targets target target_modules lora_target lora_target_modules modules",
    "tuning.layers": "layers last_layers num_layers n_layers top_layers unfrozen num_layers_unfrozen "
    "unfrozen_layers trainable_layers freeze_trainable_layers",
    "train.optimizer": "optimizer optimiser optim opt",
    "train.learning_rate": "lr learning_rate learningrate rate eta max_lr base_lr peak_lr",
    "train.scheduler": "scheduler schedule sched lr_scheduler lr_scheduler_type lr_schedule",
    "train.warmup": "warmup warm_up warmup_ratio warmup_steps warmup_proportion num_warmup_steps lr_warmup",
    "train.weight_decay": "wd weight_decay decay l2 weightdecay reg regularization",
    "train.max_grad_norm": "max_grad_norm grad_norm clip grad_clip gradient_clip gradient_clipping clip_grad "
    "clip_grad_norm gradient_clip_val max_norm clipping",
    "train.epochs": "epochs epoch num_epochs num_train_epochs n_epochs max_epochs train_epochs ep",
    "train.max_steps": "steps max_steps step num_steps n_steps train_steps max_train_steps total_steps "
    "iterations iters max_iters num_iterations",
    "train.batch_size": "bs batch batch_size batchsize train_batch_size per_device_train_batch_size "
    "micro_batch_size minibatch mbs",
    "train.accumulate": "accumulate accumulation grad_accum ga gas accum gradient_accumulation "
    "gradient_accumulation_steps accumulation_steps accumulate_grad_batches",
    "train.precision": "precision dtype torch_dtype fp16 bf16 fp32 amp half mixed_precision float16 bfloat16",
    "train.gradient_checkpointing": "gradient_checkpointing grad_checkpointing checkpointing "
    "activation_checkpointing",
    "train.loss": "loss loss_type loss_fn objective criterion",
    "train.temperature": "temperature temp tau softmax_temperature",
    "train.seed": "seed random_seed random_state rng manual_seed",
    "train.eval_every": "eval_every eval_steps eval_interval eval_step validate_every val_every "
    "val_check_interval evaluation_steps eval_frequency validation_steps",
    "train.save_every": "save_every save_steps save_interval checkpoint_every checkpoint_steps "
    "save_frequency checkpoint_interval",
    "train.patience": "patience early_stopping early_stop early_stopping_patience stopping_step",
    "train.monitor": "monitor metric valid_metric metric_for_best_model best_metric eval_metric",
    "evaluation.k": "k topk top_k at cutoff ks",
    "evaluation.users": "users num_users n_users test_users eval_users max_users user_count",
    "evaluation.monitor_users": "monitor_users validation_users val_users valid_users num_monitor_users",
    "evaluation.seen": "seen remove_seen filter_seen exclude_seen mask_seen",
    "evaluation.score": "score scoring normalization normalisation length_normalization",
    "evaluation.baselines": "baselines baseline",
    "evaluation.blend": "blend ensemble fusion hybrid",
}
"""The usual names of each setting, its own among them."""

SECTIONED: dict[str, str] = {
    "evaluation.seed": "evaluation.seed",
    "eval.seed": "evaluation.seed",
    "train.users": "evaluation.users",
}

MEANINGS = {name.replace("_", ""): key for key, names in KEYS.items() for name in names.split()}


def meant(key: str) -> str | None:
    """The setting that a key probably means, with or without a section; None when it is no usual name.

    Case, hyphens and underscores do not count: `--set LoRA-Rank=8` means `tuning.rank`.
    """
    folded = key.strip().casefold()
    if folded in SECTIONED:
        return SECTIONED[folded]
    name = folded.rpartition(".")[2].replace("-", "").replace("_", "").replace(" ", "")
    return MEANINGS.get(name)

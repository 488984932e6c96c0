//! The expression language of Portcullis playbooks: parse, type-check, evaluate.

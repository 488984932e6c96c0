//! Run history in SQLite: WAL, one writer thread, group commit.

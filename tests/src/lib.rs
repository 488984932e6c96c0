//! Shared by the tests that look at the whole workspace.

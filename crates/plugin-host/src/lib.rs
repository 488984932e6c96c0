//! The only wasmtime: load, limit, cache and call plugins.

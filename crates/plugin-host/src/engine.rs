//! The one wasmtime engine of the process and its clock.
//!
//! The pool reserves address space for every instance that may be alive, which makes a fresh instance cost
//! microseconds; where that much address space is not to be had, instances are allocated on demand: slower, same
//! limits. Features that no plugin needs stay off, because most advisories are about them.

use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::limits::{
    CORE_INSTANCES, FIBER_STACK, LIVE, MEMORIES, MEMORY_CEILING, TABLE_ELEMENTS, TABLES, WASM_STACK,
};

/// Time between two epochs: the grain of the CPU budget.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Slots in the pool beyond the live limit: an instance that ends gives its slot back a moment after its permit.
const SPARE: u32 = 16;

/// Touched memory a slot keeps between two instances (cleared, of course), to spare page faults.
const KEEP_RESIDENT: usize = 8 << 20;

/// Makes the engine and starts its clock, a plain thread that ends when the engine is gone.
pub(crate) fn start() -> wasmtime::Result<Engine> {
    let engine = match Engine::new(&config(InstanceAllocationStrategy::Pooling(pool()))) {
        Ok(engine) => engine,
        Err(_) => Engine::new(&config(InstanceAllocationStrategy::OnDemand))?,
    };
    let weak = engine.weak();
    std::thread::Builder::new().name("plugin-epoch".to_owned()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(engine)
}

fn config(allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .cranelift_opt_level(OptLevel::Speed)
        .allocation_strategy(allocation);
    config
}

fn pool() -> PoolingAllocationConfig {
    let slots = u32::try_from(LIVE).unwrap_or(u32::MAX).saturating_add(SPARE);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * 20)
        .total_memories(slots * 4)
        .total_tables(slots * 8)
        .total_stacks(slots)
        .max_core_instances_per_component(u32::try_from(CORE_INSTANCES).unwrap_or(u32::MAX))
        .max_memories_per_component(u32::try_from(MEMORIES).unwrap_or(u32::MAX))
        .max_tables_per_component(u32::try_from(TABLES).unwrap_or(u32::MAX))
        .max_memories_per_module(u32::try_from(MEMORIES).unwrap_or(u32::MAX))
        .max_tables_per_module(u32::try_from(TABLES).unwrap_or(u32::MAX))
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(MEMORY_CEILING)
        .linear_memory_keep_resident(KEEP_RESIDENT);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes);
    }
    pool
}

/// Names everything that compiled code depends on besides the component: the target with its CPU features, the
/// engine's settings and wasmtime's version are all in the hash. Compiled code of another name is useless.
pub(crate) fn fingerprint(engine: &Engine) -> String {
    use std::hash::{Hash, Hasher};
    // Only a name for a folder; what is inside is protected by a MAC. So a hash without a key is enough.
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{arch}-{os}-{:016x}", hasher.finish())
}

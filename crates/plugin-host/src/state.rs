//! Everything that belongs to one call: made before it, dropped after it, shared with no other.

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::artifacts::Access;
use crate::limits::{CORE_INSTANCES, Limits, MEMORIES, RANDOM, TABLE_ELEMENTS, TABLES};
use crate::log::{LogBudget, Stdio};

/// A reason of ours to end a call from inside a host function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Halt {
    #[error("CPU budget used up")]
    Cpu,
    #[error("log budget used up")]
    Log,
    #[error("log line too long")]
    LogLine,
    #[error("too many handles")]
    Handles,
}

/// The data of a store.
pub(crate) struct CallState {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) growth: Growth,
    pub(crate) ticks_left: u128,
    pub(crate) log: LogBudget,
    pub(crate) access: Access,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Stdio,
}

impl CallState {
    pub(crate) fn new(limits: &Limits, log: LogBudget, access: Access) -> Self {
        let (stdout, stderr) = Stdio::pair(limits.stdio);
        // A fresh builder grants nothing: no folder, no variable, no argument, no name look-up, no address.
        let wasi = WasiCtxBuilder::new()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .max_random_size(RANDOM as u64)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        CallState {
            wasi,
            table,
            growth: Growth { memory_left: limits.memory, refused: None },
            ticks_left: limits.cpu.as_millis().div_ceil(crate::engine::TICK.as_millis()),
            log,
            access,
            stdout,
            stderr,
        }
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What was refused to a guest, to explain the trap that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Memory,
    Table,
}

/// Lets memories and tables grow within the limits, and remembers when it did not.
pub(crate) struct Growth {
    memory_left: usize,
    pub(crate) refused: Option<Refused>,
}

impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        // All memories of the instance share one limit; otherwise eight of them would have eight times as much.
        match self.memory_left.checked_sub(more) {
            Some(left) if maximum.is_none_or(|maximum| desired <= maximum) => {
                self.memory_left = left;
                Ok(true)
            }
            _ => {
                self.refused = Some(Refused::Memory);
                Ok(false)
            }
        }
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let good = desired <= TABLE_ELEMENTS && maximum.is_none_or(|maximum| desired <= maximum);
        if !good {
            self.refused = Some(Refused::Table);
        }
        Ok(good)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

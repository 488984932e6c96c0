//! Generated from `plugin-sdk/wit/v1`: the world as the host sees it.
//!
//! Alone in its file, because the generated code is generic and slow to compile; nothing else belongs here.

#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../plugin-sdk/wit/v1",
    world: "plugin",
    imports: {
        "portcullis:plugin/artifacts.[static]writer.finish": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "portcullis:plugin/artifacts.reader": crate::artifacts::Reader,
        "portcullis:plugin/artifacts.writer": crate::artifacts::Writer,
    },
});

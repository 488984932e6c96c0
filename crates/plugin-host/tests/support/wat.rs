//! Components written by hand, for what no compiler would write.

pub const DESCRIPTION: &str = r#"{"name":"hostile","version":"0.1.0","actions":[{"name":"act","summary":"Acts","effect":"enrichment","repeat":"natural","input":{"type":"object","additionalProperties":false},"output":{"type":"object"}}]}"#;

/// A component around a core module. `core` may define anything; `invoke` is the body of that function (it gets three
/// strings and answers a pointer to a result). `version` is that of the interface it exports, `extra` comes first;
/// what the module takes from there is in `imports` and given to it in `with`.
pub struct Wat<'a> {
    pub extra: &'a str,
    pub imports: &'a str,
    pub with: &'a str,
    pub core: &'a str,
    pub invoke: &'a str,
    pub version: &'a str,
}

/// The body of `invoke` that answers `{}`.
pub const ANSWER: &str = "(i32.store (i32.const 4096) (i32.const 0)) (i32.store (i32.const 4100) (i32.const 5000))
    (i32.store (i32.const 4104) (i32.const 2)) (i32.store16 (i32.const 5000) (i32.const 0x7d7b)) (i32.const 4096)";

impl Default for Wat<'_> {
    fn default() -> Self {
        Wat { extra: "", imports: "", with: "", core: "", invoke: "unreachable", version: "1.0.0" }
    }
}

impl<'a> Wat<'a> {
    /// A module that can ask for random bytes by `$random` (how many, where to put pointer and length). The host hands
    /// them over by calling back into the guest for memory; after `$arm`, that call never returns.
    pub fn with_random(core: &'a str, invoke: &'a str) -> Self {
        Wat {
            extra: r#"(import "wasi:random/random@0.2.0" (instance $source
                (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
              (core module $lender
                (memory (export "memory") 40)
                (global $armed (mut i32) (i32.const 0))
                (func (export "arm") (global.set $armed (i32.const 1)))
                (func $sink (param i32) (result i32)
                  (i32.add (call $sink (i32.add (local.get 0) (i32.const 1))) (local.get 0)))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                  (if (global.get $armed) (then (drop (call $sink (i32.const 0)))))
                  (i32.const 65536)))
              (core instance $lender (instantiate $lender))
              (core func $random (canon lower (func $source "get-random-bytes")
                (memory (core memory $lender "memory")) (realloc (core func $lender "realloc"))))
              (core instance $host
                (export "random" (func $random)) (export "arm" (func $lender "arm")))"#,
            imports: r#"(import "host" "random" (func $random (param i64 i32)))
              (import "host" "arm" (func $arm))"#,
            with: r#"(with "host" (instance $host))"#,
            core,
            invoke,
            ..Wat::default()
        }
    }
}

impl Wat<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let Wat { extra, imports, with, core, invoke, version } = self;
        let (length, text) = (DESCRIPTION.len(), DESCRIPTION.replace('"', "\\22"));
        let wat = format!(
            r#"(component
              {extra}
              (core module $m
                {imports}
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00")
                (data (i32.const 16) "{text}")
                {core}
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
                (func (export "describe") (result i32)
                  (i32.store (i32.const 4) (i32.const {length})) (i32.const 0))
                (func (export "invoke") (param i32 i32 i32 i32 i32 i32) (result i32) {invoke}))
              (core instance $i (instantiate $m {with}))
              (type $failure (record (field "code" string) (field "message" string) (field "details" string)))
              (func $describe (result string)
                (canon lift (core func $i "describe") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
              (func $invoke (param "action" string) (param "input" string) (param "context" string)
                (result (result string (error $failure)))
                (canon lift (core func $i "invoke") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
              (component $shim
                (type $record (record (field "code" string) (field "message" string) (field "details" string)))
                (import "failure-type" (type $failure (eq $record)))
                (import "describe-func" (func $describe (result string)))
                (import "invoke-func" (func $invoke
                  (param "action" string) (param "input" string) (param "context" string)
                  (result (result string (error $failure)))))
                (export $exported "failure" (type $record))
                (export "describe" (func $describe) (func (result string)))
                (export "invoke" (func $invoke) (func
                  (param "action" string) (param "input" string) (param "context" string)
                  (result (result string (error $exported))))))
              (instance $actions (instantiate $shim
                (with "failure-type" (type $failure))
                (with "describe-func" (func $describe))
                (with "invoke-func" (func $invoke))))
              (export "portcullis:plugin/actions@{version}" (instance $actions)))"#
        );
        ::wat::parse_str(wat).unwrap()
    }
}

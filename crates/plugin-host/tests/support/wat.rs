//! Components written by hand, for what no compiler would write.

pub const DESCRIPTION: &str = r#"{"name":"hostile","version":"0.1.0","actions":[{"name":"act","summary":"Acts","effect":"enrichment","repeat":"natural","input":{"type":"object","additionalProperties":false},"output":{"type":"object"}}]}"#;

/// A component around a core module. `core` may define anything; `invoke` is the body of that function (it gets three
/// strings and answers a pointer to a result). `version` is that of the interface it exports, `extra` comes first.
pub struct Wat<'a> {
    pub extra: &'a str,
    pub core: &'a str,
    pub invoke: &'a str,
    pub version: &'a str,
}

impl Default for Wat<'_> {
    fn default() -> Self {
        Wat { extra: "", core: "", invoke: "unreachable", version: "1.0.0" }
    }
}

impl Wat<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let Wat { extra, core, invoke, version } = self;
        let (length, text) = (DESCRIPTION.len(), DESCRIPTION.replace('"', "\\22"));
        let wat = format!(
            r#"(component
              {extra}
              (core module $m
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00")
                (data (i32.const 16) "{text}")
                {core}
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
                (func (export "describe") (result i32)
                  (i32.store (i32.const 4) (i32.const {length})) (i32.const 0))
                (func (export "invoke") (param i32 i32 i32 i32 i32 i32) (result i32) {invoke}))
              (core instance $i (instantiate $m))
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

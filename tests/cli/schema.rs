//! The JSON report against `assets/report.schema.json`, by a check of the few keywords it uses.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{sample, stdout};

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/report.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_report_is_as_the_schema_says() {
    let report: Value =
        serde_json::from_str(&stdout(sample().path(), &["scan", "--format", "json"])).unwrap();
    let schema = schema();
    let mut wrong = Vec::new();
    check(&schema, &schema, &report, "$", &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!report["findings"].as_array().unwrap().is_empty());
}

#[test]
fn the_check_notices_what_is_wrong() {
    let schema = schema();
    let mut report: Value =
        serde_json::from_str(&stdout(sample().path(), &["scan", "--format", "json"])).unwrap();
    report["schema"] = 2.into();
    report["findings"][0]["severity"] = "bad".into();
    report["findings"][0]["line"] = 0.into();
    report["extra"] = true.into();
    let tool = report["tool"].as_object_mut().unwrap();
    tool.remove("version");
    let mut wrong = Vec::new();
    check(&schema, &schema, &report, "$", &mut wrong);
    assert_eq!(wrong.len(), 5, "{}", wrong.join("\n"));
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return check(root, &root["$defs"][name], value, at, wrong);
    }
    if !schema["type"].is_null() && !types(&schema["type"]).contains(&type_of(value)) {
        wrong.push(format!(
            "{at} is {}, not {}",
            type_of(value),
            schema["type"]
        ));
        return;
    }
    if let Some(expected) = schema.get("const")
        && value != expected
    {
        wrong.push(format!("{at} is {value}, not {expected}"));
    }
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        wrong.push(format!("{at} is {value}, none of the choices"));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_u64(), value.as_u64())
        && number < least
    {
        wrong.push(format!("{at} is {number}, less than {least}"));
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            check(
                root,
                &schema["items"],
                item,
                &format!("{at}[{index}]"),
                wrong,
            );
        }
    }
    if let Some(object) = value.as_object() {
        let properties = schema["properties"].as_object().unwrap();
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            if !object.contains_key(name) {
                wrong.push(format!("{at} lacks {name}"));
            }
        }
        for (name, value) in object {
            match properties.get(name) {
                Some(schema) => check(root, schema, value, &format!("{at}.{name}"), wrong),
                None => wrong.push(format!("{at} has an unknown key {name}")),
            }
        }
    }
}

fn types(allowed: &Value) -> Vec<&str> {
    match allowed {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

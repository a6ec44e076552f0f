//! The reference of the scenario file, made from the schema of the types that read it.

use std::collections::BTreeSet;
use std::fmt::Write;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::Scenario;

/// A time or a span of time, such as `2h 30m`, `5days` or `0s`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it lends its name and description to the schema")]
pub(super) struct Time(String);

/// The example at the top of the reference, itself a legal scenario.
const EXAMPLE: &str = include_str!("reference/example.toml");

const INTRODUCTION: &str = "\
# The scenario file

A scenario is a TOML file that says everything about a run: who exists, what DNS says, which mail is handed in, what
drifts, and what the attacker does. `postern replay FILE` runs it. What is left out stands at its default.
";

/// The reference of every key of a scenario file, with type, default and meaning, in Markdown.
pub fn reference() -> String {
    let schema = schemars::schema_for!(Scenario).to_value();
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    let mut text = format!("{INTRODUCTION}\n```toml\n{EXAMPLE}```\n\n## The file\n");
    write_fields(&mut text, &schema);
    let order = order_of_mention(&schema, &definitions);
    for kind in [is_section, is_choice, is_text] {
        for name in &order {
            let definition = &definitions[name];
            if kind(definition) {
                write!(text, "\n## {}\n\n{}\n", words(name), description(definition)).expect("a string takes all");
                write_fields(&mut text, definition);
                write_choices(&mut text, definition);
            }
        }
    }
    text
}

fn is_section(definition: &Value) -> bool {
    definition["properties"].is_object()
}

fn is_choice(definition: &Value) -> bool {
    definition["oneOf"].is_array()
}

fn is_text(definition: &Value) -> bool {
    !is_section(definition) && !is_choice(definition)
}

/// The names of all definitions in the order in which a reader of the reference meets them.
fn order_of_mention(schema: &Value, definitions: &Map<String, Value>) -> Vec<String> {
    let mut order = Vec::new();
    let mut met = BTreeSet::new();
    let mut waiting = std::collections::VecDeque::from([without_definitions(schema)]);
    while let Some(schema) = waiting.pop_front() {
        let mut mentioned = Vec::new();
        collect_references(&schema, &mut mentioned);
        for name in mentioned {
            if met.insert(name.clone()) {
                waiting.push_back(definitions[&name].clone());
                order.push(name);
            }
        }
    }
    order
}

fn without_definitions(schema: &Value) -> Value {
    let mut schema = schema.clone();
    schema.as_object_mut().map(|object| object.remove("$defs"));
    schema
}

fn collect_references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(object) => object.values().for_each(|value| collect_references(value, names)),
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, names)),
        Value::String(text) => names.extend(text.strip_prefix("#/$defs/").map(str::to_owned)),
        _ => {}
    }
}

fn write_fields(text: &mut String, definition: &Value) {
    let Some(fields) = definition["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = definition["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    text.push_str("\n| key | type | default | meaning |\n|---|---|---|---|\n");
    for (key, field) in fields {
        let default = match field.get("default") {
            _ if required.contains(&key.as_str()) => "required".to_owned(),
            Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
            Some(Value::Object(values)) if values.is_empty() => "none".to_owned(),
            Some(value) => format!("`{value}`"),
            None => "none".to_owned(),
        };
        let row = [format!("`{key}`"), type_of(field), default, description(field)];
        write_row(text, &row);
    }
}

fn write_choices(text: &mut String, definition: &Value) {
    let Some(choices) = definition["oneOf"].as_array() else {
        return;
    };
    text.push_str("\n| value | meaning |\n|---|---|\n");
    for choice in choices {
        let value = match choice.get("const") {
            Some(constant) => format!("`{constant}`"),
            None => table_choice(choice),
        };
        write_row(text, &[value, description(choice)]);
    }
}

/// A choice that carries something: `{ key = value }`.
fn table_choice(choice: &Value) -> String {
    let entries = choice["properties"].as_object().into_iter().flatten();
    let entries = entries.map(|(key, value)| match value["properties"].as_object() {
        Some(_) => format!("`{key} =` {}", table_choice(value)),
        None => format!("`{key} =` {}", type_of(value)),
    });
    format!("`{{` {} `}}`", entries.collect::<Vec<_>>().join("`,` "))
}

fn write_row(text: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    writeln!(text, "| {} |", cells.join(" | ")).expect("a string takes all");
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

/// The type of a field in words, with a link to its section.
fn type_of(field: &Value) -> String {
    if let Some(reference) = field["$ref"].as_str() {
        return link(reference.trim_start_matches("#/$defs/"));
    }
    if let Some(alternatives) = field["anyOf"].as_array() {
        return type_of(&alternatives[0]);
    }
    let kind = field["type"]
        .as_str()
        .or_else(|| field["type"][0].as_str())
        .unwrap_or_default();
    match kind {
        "array" => format!("list of {}", type_of(&field["items"])),
        "object" => format!("table of {}", type_of(&field["additionalProperties"])),
        "integer" => match field["format"].as_str() {
            Some("uint16") => "whole number to 65535".to_owned(),
            Some("uint32") => "whole number to 4294967295".to_owned(),
            _ => "whole number of 64 bits".to_owned(),
        },
        "boolean" => "`true` or `false`".to_owned(),
        _ => "text".to_owned(),
    }
}

fn link(name: &str) -> String {
    let words = words(name);
    format!(
        "[{}](#{})",
        words.to_lowercase(),
        words.to_lowercase().replace(' ', "-")
    )
}

/// A type's name as words: `MailboxState` is “Mailbox state”.
fn words(name: &str) -> String {
    let mut words = String::new();
    for (place, letter) in name.char_indices() {
        if place > 0 && letter.is_ascii_uppercase() {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_at_the_top_is_a_legal_scenario() {
        Scenario::parse("example.toml", EXAMPLE).unwrap();
    }

    #[test]
    fn every_key_has_its_type_default_and_meaning() {
        let reference = reference();
        for row in [
            "| `time-to-live` | [time](#time) | `\"5m\"` | How long answers about this domain and its exchangers may be \
             cached. |",
            "| `name` | [domain name](#domain-name) | required | The name at the right of the `@`. |",
            "| `{` `answer-starttls =` whole number to 65535 `}` | Answers STARTTLS itself with this code: 454 (C-DG-4) \
             or a 5yz (C-DG-5). |",
            "| `\"strip-starttls\"` | Removes the STARTTLS line from the reply to EHLO (C-DG-1). |",
        ] {
            assert!(reference.contains(row), "{row}\nis not in\n{reference}");
        }
        assert!(!reference.contains("|  |"), "a cell is empty:\n{reference}");
    }

    #[test]
    fn every_link_leads_to_a_section() {
        let reference = reference();
        let sections: BTreeSet<String> = reference
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|title| title.to_lowercase().replace(' ', "-"))
            .collect();
        for link in reference.split("](#").skip(1) {
            let target = link.split(')').next().unwrap();
            assert!(sections.contains(target), "no section for {target}");
        }
    }
}

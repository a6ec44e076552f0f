//! Printing a scenario as TOML: what stands at its default is left out, and small tables stay on one line.

use std::fmt::Write;

use serde::Serialize;
use toml::{Table, Value};

use super::{Domain, Host, Reading, Scenario};
use crate::name::DomainName;

impl Scenario {
    /// The scenario as TOML, which [`Scenario::parse`] reads back to an equal value.
    pub fn print(&self) -> String {
        let mut text = format!("title = {}\n", Value::String(self.title.clone()));
        if self.seed != 0 {
            writeln!(text, "seed = {}", self.seed).expect("a string takes all");
        }
        if let Some(mutant) = self.mutant {
            writeln!(text, "mutant = \"{mutant}\"").expect("a string takes all");
        }
        if self.reading != Reading::default() {
            writeln!(text, "reading = \"{}\"", self.reading).expect("a string takes all");
        }
        for domain in &self.domain {
            write_section(
                &mut text,
                "[[domain]]",
                without_defaults(domain, &Domain::new(domain.name.clone())),
            );
        }
        for host in &self.host {
            write_section(
                &mut text,
                "[[host]]",
                without_defaults(host, &Host::new(host.name.clone())),
            );
        }
        for message in &self.message {
            write_section(&mut text, "[[message]]", table(message));
        }
        for step in &self.step {
            write_section(&mut text, "[[step]]", table(step));
        }
        if let Some(expectation) = &self.expect {
            write_section(&mut text, "[expect]", table(expectation));
        }
        text
    }
}

impl Domain {
    /// A domain without MX records, with every setting at its default.
    pub fn new(name: DomainName) -> Self {
        Self {
            name,
            mx: Vec::new(),
            null_mx: false,
            time_to_live: super::default_time_to_live(),
        }
    }
}

/// The keys and values of one section.
fn table(section: &impl Serialize) -> Table {
    Table::try_from(section).expect("every section is a table of texts, small numbers, lists and tables")
}

/// The keys whose values differ from those of the default; the name always stays.
fn without_defaults(section: &impl Serialize, default: &impl Serialize) -> Table {
    let default = table(default);
    let mut table = table(section);
    table.retain(|key, value| key == "name" || default.get(key) != Some(value));
    table
}

fn write_section(text: &mut String, header: &str, table: Table) {
    write!(text, "\n{header}\n").expect("a string takes all");
    for (key, value) in table {
        match value {
            Value::Array(values) if values.is_empty() => {}
            Value::Array(values) if values.len() > 1 && values.iter().any(Value::is_table) => {
                writeln!(text, "{key} = [").expect("a string takes all");
                for value in values {
                    writeln!(text, "  {value},").expect("a string takes all");
                }
                text.push_str("]\n");
            }
            value => writeln!(text, "{key} = {value}").expect("a string takes all"),
        }
    }
}

#[cfg(test)]
mod tests;

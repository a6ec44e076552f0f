//! Reading a scenario from TOML, with errors that name the line.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::{Place, Scenario, Segment};

/// The largest file that is read, in octets.
pub const OCTETS_MAX: usize = 1 << 20;

/// Why a scenario was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ScenarioError {
    /// The file, or what stands for it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Scenario {
    /// Reads a scenario from the content of a file.
    ///
    /// # Errors
    /// The first thing in it that is not TOML, not a scenario, or a world that cannot be, with its line.
    pub fn parse(file: &str, content: impl AsRef<[u8]>) -> Result<Self, ScenarioError> {
        let content = content.as_ref();
        let error = |offset, problem: &str| ScenarioError {
            file: file.to_owned(),
            line: line_at(content, offset),
            problem: one_line(problem),
        };
        if content.len() > OCTETS_MAX {
            let problem = format!(
                "the file has {} octets; a scenario has at most {OCTETS_MAX}",
                content.len()
            );
            return Err(error(0, &problem));
        }
        let text = std::str::from_utf8(content)
            .map_err(|not_text| error(not_text.valid_up_to(), "this is not text: write it in UTF-8"))?;
        let scenario: Self = toml::from_str(text).map_err(|refused| {
            let offset = refused.span().map_or(0, |span| span.start);
            let place = place_at(text, offset).map_or_else(String::new, |place| format!("{place}: "));
            error(offset, &format!("{place}{}", with_advice(refused.message())))
        })?;
        scenario
            .validate()
            .map_err(|problem| error(offset_of(text, &problem.place), &problem.to_string()))?;
        Ok(scenario)
    }
}

/// The line, from 1, on which the octet at this offset stands.
fn line_at(content: &[u8], offset: usize) -> usize {
    1 + content.iter().take(offset).filter(|&&octet| octet == b'\n').count()
}

/// What hostile content puts into a message neither fills the terminal nor commands it.
fn one_line(problem: &str) -> String {
    const CHARACTERS_MAX: usize = 600;
    let mut line = String::new();
    for character in problem.chars().take(CHARACTERS_MAX + 1) {
        match character {
            '\n' => line.push_str(": "),
            control if control.is_control() => line.extend(control.escape_unicode()),
            other => line.push(other),
        }
    }
    match line.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => line[..end].to_owned() + "…",
        None => line,
    }
}

/// The message of the TOML reader, in words for who writes scenarios.
fn with_advice(message: &str) -> String {
    let plain = [
        ("expected a duration", "expected a time such as \"2h 30m\""),
        ("expected u64", "expected a whole number from 0 to 18446744073709551615"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u16", "expected a whole number from 0 to 65535"),
    ];
    for (technical, words) in plain {
        if let Some(start) = message.strip_suffix(technical) {
            return format!("{start}{words}");
        }
    }
    message.to_owned()
}

/// Where the deepest part of a place that the text really has begins, as an offset in octets.
fn offset_of(text: &str, place: &Place) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 0 };
    let mut offset = 0;
    let mut table = Some(document.get_ref());
    let mut array = None;
    for segment in place.segments() {
        let value = match segment {
            Segment::Key(name) => {
                let Some((key, value)) = table.and_then(|table| table.get_key_value(name.as_str())) else {
                    break;
                };
                offset = key.span().start;
                value
            }
            Segment::Index(index) => {
                let Some(value) = array.and_then(|array: &DeArray<'_>| array.get(*index)) else {
                    break;
                };
                offset = value.span().start;
                value
            }
        };
        (table, array) = match value.get_ref() {
            DeValue::Table(table) => (Some(table), None),
            DeValue::Array(array) => (None, Some(array)),
            _ => (None, None),
        };
    }
    offset
}

/// The place whose key or value begins at this offset, if the text is TOML and has one there.
fn place_at(text: &str, offset: usize) -> Option<Place> {
    let document = DeTable::parse(text).ok()?;
    let mut way = Vec::new();
    find_in_table(document.get_ref(), offset, &mut way).then(|| Place::new(way))
}

fn find_in_table(table: &DeTable<'_>, offset: usize, way: &mut Vec<Segment>) -> bool {
    table.iter().any(|(key, value)| {
        way.push(Segment::Key(key.get_ref().to_string()));
        let found = find_in_value(value, offset, way) || key.span().start == offset;
        if !found {
            way.pop();
        }
        found
    })
}

/// The deepest value wins. The reader of TOML bounds how deep they nest.
fn find_in_value(value: &Spanned<DeValue<'_>>, offset: usize, way: &mut Vec<Segment>) -> bool {
    let found_inside = match value.get_ref() {
        DeValue::Table(table) => find_in_table(table, offset, way),
        DeValue::Array(array) => array.iter().enumerate().any(|(index, value)| {
            way.push(Segment::Index(index));
            let found = find_in_value(value, offset, way);
            if !found {
                way.pop();
            }
            found
        }),
        _ => false,
    };
    found_inside || value.span().start == offset
}

#[cfg(test)]
mod tests;

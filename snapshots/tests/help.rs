//! What the command says of itself.

use insta::{Settings, assert_snapshot};
use mailpostern::command::grammar;

#[test]
fn the_help_reads_as_it_was_reviewed() {
    let mut grammar = grammar().term_width(100);
    grammar.build();
    let of_words = grammar.get_subcommands().filter(|word| word.get_name() != "help");
    let of_words: Vec<(String, String)> = of_words
        .map(|word| (word.get_name().to_owned(), word.clone().render_long_help().to_string()))
        .collect();
    assert_reviewed("postern", &grammar.render_long_help().to_string());
    for (word, help) in of_words {
        assert_reviewed(&format!("postern-{word}"), &help);
    }
}

fn assert_reviewed(name: &str, help: &str) {
    let mut settings = Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/help"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, help));
}

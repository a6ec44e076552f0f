//! The price of each local policy, as a table and as JSON.

use std::time::Duration;

use mailpostern::campaign::{Price, Prices};
use mailpostern::table::{Column, table};
use serde_json::{Value, json};

/// The table, with a line that says what it counts.
pub(super) fn text(prices: &Prices) -> String {
    let columns = [
        Column::Text("policy"),
        Column::Number("messages"),
        Column::Number("in clear"),
        Column::Number("encrypted"),
        Column::Number("authenticated"),
        Column::Number("delayed"),
        Column::Number("median"),
        Column::Number("90 % within"),
        Column::Number("bounced"),
        Column::Number("queued"),
    ];
    let rows = prices.iter().map(|(level, price)| {
        let share = |part| share(part, price.messages).map_or_else(|| "-".to_owned(), in_percent);
        let delay = |percent| price.delay_percentile(percent).map_or_else(|| "-".to_owned(), in_words);
        vec![
            level.to_string(),
            price.messages.to_string(),
            share(price.clear),
            share(price.encrypted),
            share(price.authenticated),
            share(price.delayed()),
            delay(50),
            delay(90),
            share(price.bounced),
            share(price.queued),
        ]
    });
    format!(
        "The price of each policy, of the mail in these worlds. In clear is what crossed some part of its way in clear.\n\
         Delayed is what was delivered more than a minute after it was handed in; the times are those of delayed mail.\n\n{}",
        table(&columns, rows)
    )
}

/// The same for programs: numbers of messages, shares of them, and seconds.
pub(super) fn json(prices: &Prices) -> Value {
    let prices = prices.iter().map(|(level, price)| {
        json!({
            "policy": level.to_string(),
            "messages": price.messages,
            "clear": price.clear,
            "encrypted": price.encrypted,
            "authenticated": price.authenticated,
            "delayed": price.delayed(),
            "delay_median_seconds": seconds(&price, 50),
            "delay_90th_percentile_seconds": seconds(&price, 90),
            "bounced": price.bounced,
            "queued": price.queued,
            "shares": {
                "clear": share(price.clear, price.messages),
                "encrypted": share(price.encrypted, price.messages),
                "authenticated": share(price.authenticated, price.messages),
                "delayed": share(price.delayed(), price.messages),
                "bounced": share(price.bounced, price.messages),
                "queued": share(price.queued, price.messages),
            },
        })
    });
    prices.collect()
}

fn seconds(price: &Price, percent: u64) -> Option<u64> {
    price.delay_percentile(percent).map(|delay| delay.as_secs())
}

/// None of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn in_percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The two greatest units of a time, which is all that a reader wants of a delay.
fn in_words(delay: Duration) -> String {
    let words = humantime::format_duration(delay).to_string();
    let greatest: Vec<&str> = words.split(' ').take(2).collect();
    greatest.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_delays_are_short() {
        assert_eq!(share(1, 3).map(in_percent), Some("33.3 %".to_owned()));
        assert_eq!(share(0, 0), None);
        assert_eq!(in_words(Duration::from_secs(90_061)), "1day 1h");
        assert_eq!(in_words(Duration::from_secs(61)), "1m 1s");
    }

    #[test]
    fn every_policy_has_its_row_even_where_there_was_no_mail() {
        let text = text(&Prices::default());
        for policy in ["none", "may", "encrypt", "secure"] {
            assert!(text.lines().any(|line| line.starts_with(policy)), "{policy} in {text}");
        }
    }
}

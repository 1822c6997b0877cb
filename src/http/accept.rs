//! Which format of metrics a scraper asks for, by its `Accept` header (RFC 9110, §12.5.1).

use axum::http::{HeaderMap, header};

use crate::metrics::Format;

/// The better of the two formats; without a wish, and for wishes that cannot be had, the plain text.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let (mut open_metrics, mut text) = (0, 0);
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters: Vec<_> = parts.filter_map(|parameter| parameter.split_once('=')).collect();
        let parameter = |name: &str| {
            parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_matches('"'))
        };
        let quality = quality(parameter("q"));
        match name.as_str() {
            // 0.0.1 is the draft that 1.0 was made from; what reads it reads this.
            "application/openmetrics-text" if matches!(parameter("version"), None | Some("1.0.0" | "0.0.1")) => {
                open_metrics = open_metrics.max(quality);
            }
            "text/plain" if matches!(parameter("version"), None | Some("0.0.4")) => text = text.max(quality),
            "text/*" | "*/*" => text = text.max(quality),
            _ => {}
        }
    }
    if open_metrics > 0 && open_metrics >= text { Format::OpenMetrics } else { Format::Text }
}

/// In thousandths; absent means 1.
fn quality(value: Option<&str>) -> u32 {
    let Some(value) = value else { return 1000 };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits: String = format!("{fraction:0<3}").chars().take(3).collect();
    let thousandths = digits.parse::<u32>().unwrap_or(0);
    if whole == "0" { thousandths } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str) -> Format {
        format(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn without_a_wish_it_is_text() {
        assert_eq!(format(&HeaderMap::new()), Format::Text);
        assert_eq!(asked("*/*"), Format::Text);
        assert_eq!(asked("text/html"), Format::Text);
    }

    #[test]
    fn the_headers_that_prometheus_sends_get_openmetrics() {
        let old = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let new = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                   application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                   text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(asked(old), Format::OpenMetrics);
        assert_eq!(asked(new), Format::OpenMetrics);
    }

    #[test]
    fn the_weights_decide() {
        assert_eq!(asked("application/openmetrics-text;q=0.3, text/plain;q=0.5"), Format::Text);
        assert_eq!(asked("application/openmetrics-text;q=0, text/plain"), Format::Text);
        assert_eq!(
            asked("application/openmetrics-text;version=\"1.0.0\"; Q=0.55, text/plain;q=0.5"),
            Format::OpenMetrics
        );
        assert_eq!(asked("application/openmetrics-text;version=2.0.0, text/plain;q=0.5"), Format::Text);
    }
}

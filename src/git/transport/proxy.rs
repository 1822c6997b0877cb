//! Which proxy leads to a server, and the way through it.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::http::Stream;
use crate::config::Proxy;
use crate::git::fault::Fault;

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Via {
    /// Whether it speaks TLS itself.
    pub encryption: Encryption,
    pub host: String,
    pub port: u16,
    /// `user:password`, to be sent encoded.
    pub login: Option<String>,
}

/// Whether a connection speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Tls,
    Plain,
}

/// The proxy for `host`, by the configuration and the variables that `variable` reads.
pub(super) fn choose(
    proxy: &Proxy,
    host: &str,
    port: u16,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Via>, Fault> {
    let set = |names: [&str; 2]| names.into_iter().find_map(&variable).filter(|text| !text.is_empty());
    match proxy {
        Proxy::Direct => Ok(None),
        Proxy::At(url) => parse(url, "proxy").map(Some),
        Proxy::Environment => {
            if set(["no_proxy", "NO_PROXY"]).is_some_and(|list| is_excepted(&list, host, port)) {
                return Ok(None);
            }
            match set(["https_proxy", "HTTPS_PROXY"]).or_else(|| set(["all_proxy", "ALL_PROXY"])) {
                Some(url) => parse(&url, "HTTPS_PROXY").map(Some),
                None => Ok(None),
            }
        }
    }
}

/// Reads a proxy's URL, which may hold a user and a password and is therefore never quoted.
fn parse(url: &str, source: &str) -> Result<Via, Fault> {
    let wrong = |message: &str| Fault::Proxy { proxy: format!("of {source}"), message: message.to_owned() };
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (encryption, default) = match scheme {
        "http" => (Encryption::Plain, 80),
        "https" => (Encryption::Tls, 443),
        _ if scheme.starts_with("socks") => {
            return Err(wrong("SOCKS proxies are not supported; name an http or https proxy, or `proxy: none`"));
        }
        _ => return Err(wrong("only http and https proxies are supported")),
    };
    let (login, authority) = match rest.rsplit_once('@') {
        Some((login, authority)) => (Some(decoded(login)), authority),
        None => (None, rest),
    };
    let uri: http::Uri =
        authority.trim_end_matches('/').parse().map_err(|_| wrong("its URL names no host; write http://HOST:PORT"))?;
    let host = uri.host().ok_or_else(|| wrong("its URL names no host; write http://HOST:PORT"))?;
    Ok(Via { encryption, host: host.to_owned(), port: uri.port_u16().unwrap_or(default), login })
}

/// `%xx` decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a `NO_PROXY` list names the host: `*`, a name with everything below it, an address, a network, each with a
/// port or without.
fn is_excepted(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let entry = entry.strip_suffix(&format!(":{port}")).unwrap_or(&entry);
        let name = entry.trim_matches(['[', ']']);
        let domain = name.trim_start_matches('*').trim_start_matches('.');
        name == "*"
            || host == name
            || (!domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}"))))
            || is_in_network(name, &host)
    })
}

fn is_in_network(network: &str, host: &str) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let Some((base, length)) = network.split_once('/') else { return false };
    let (Ok(base), Ok(length), Ok(host)) = (base.parse(), length.parse::<u32>(), host.parse()) else { return false };
    let ((base, width), (host, host_width)) = (bits(base), bits(host));
    width == host_width && length <= width && (base ^ host).checked_shr(width - length).unwrap_or(0) == 0
}

/// Has the proxy at the other end of `stream` connect to `host`, as RFC 9110 §9.3.6 says.
pub(super) async fn tunnel(via: &Via, mut stream: Stream, host: &str, port: u16) -> Result<Stream, Fault> {
    const LONGEST_ANSWER: usize = 16 * 1024;
    let proxy = format!("{}:{}", via.host, via.port);
    let wrong = |message: String| Fault::Proxy { proxy: proxy.clone(), message };
    let login = via.login.as_ref().map(|login| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(login)));
    let login = login.unwrap_or_default();
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{login}\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| wrong(error.to_string()))?;
    stream.flush().await.map_err(|error| wrong(error.to_string()))?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows belongs to the server behind.
        match stream.read_u8().await {
            Ok(byte) if answer.len() < LONGEST_ANSWER => answer.push(byte),
            Ok(_) => return Err(wrong("its answer is too long".to_owned())),
            Err(error) => return Err(wrong(format!("it ends the connection: {error}"))),
        }
    }
    let status = answer.split(|byte| *byte == b' ').nth(1).and_then(|word| std::str::from_utf8(word).ok());
    match status {
        Some("200") => Ok(stream),
        Some("407") => Err(wrong("it wants a user and a password; set them in the variable HTTPS_PROXY".to_owned())),
        Some(status) if status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(wrong(format!("it answers with status {status}; allow it to connect to {host}:{port}")))
        }
        _ => Err(wrong("it gives no HTTP answer".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(proxy: &Proxy, host: &str, variables: &[(&str, &str)]) -> Option<Via> {
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        choose(proxy, host, 443, variable).unwrap()
    }

    #[test]
    fn the_configuration_goes_before_the_variables() {
        let variables = [("HTTPS_PROXY", "http://user:p%40ss@proxy.example.org:3128"), ("NO_PROXY", "internal")];
        let via = |host: &str, login: Option<&str>| {
            Some(Via { encryption: Encryption::Plain, host: host.into(), port: 3128, login: login.map(str::to_owned) })
        };
        assert_eq!(chosen(&Proxy::Environment, "git", &variables), via("proxy.example.org", Some("user:p@ss")));
        assert_eq!(chosen(&Proxy::Environment, "git.internal", &variables), None);
        assert_eq!(chosen(&Proxy::Direct, "git", &variables), None);
        assert_eq!(chosen(&Proxy::At("http://own:3128".into()), "git.internal", &variables), via("own", None));
        assert_eq!(chosen(&Proxy::Environment, "git", &[]), None);
        let socks = choose(&Proxy::Environment, "git", 443, |_| Some("socks5://user:hunter2@x".into())).unwrap_err();
        let socks = socks.to_string();
        assert!(!socks.contains("hunter2") && socks.contains("SOCKS proxies are not supported"), "{socks}");
    }

    #[test]
    fn no_proxy_lists_are_read_as_usual() {
        for (list, host) in [
            ("*", "git.example.org"),
            ("git.example.org", "git.example.org"),
            ("example.org", "git.example.org"),
            (".example.org", "git.example.org"),
            ("*.example.org", "git.example.org"),
            ("a, GIT.example.org:443", "git.example.org"),
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("fd00::/8", "[fd00::1]"),
            ("0.0.0.0/0", "192.0.2.1"),
        ] {
            assert!(is_excepted(list, host, 443), "{list} {host}");
        }
        for (list, host) in [
            ("", "git"),
            ("example.org", "notexample.org"),
            ("git.example.org:8443", "git.example.org"),
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.0/8", "fd00::1"),
            ("10.0.0.0/99", "10.0.0.1"),
        ] {
            assert!(!is_excepted(list, host, 443), "{list} {host}");
        }
    }
}

//! The page that people open in a browser: files inside this program, and the headers under which a browser
//! runs nothing else.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderName, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use veche_server::wire::ServerAddress;

use crate::visit::{Visit, Visits};

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// What is served where the page was not built.
const MISSING: &str = include_str!("page/missing.html");
/// What is answered to who comes over a line on which anybody can change the page.
const INSECURE: &str = "This server gives its page over HTTPS only: over plain HTTP, anybody on the way \
could change the program that keeps your keys.\n\nFor whoever runs the server: start it with --tls-cert FILE \
--tls-key FILE, or let a web server on the same machine speak HTTPS and pass requests on. On the machine \
itself, http://localhost works.\n";

/// Where the page looks for the server that it belongs to.
const ADDRESS_SLOT: &str = r#"<meta name="veche-server" content="">"#;

/// No script but our files, no other server, nothing inside another page, and no text taken for a script.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
trusted-types veche svelte-trusted-html";

/// A file of the page.
struct File {
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// Whether the page is in this program.
pub(crate) fn is_there() -> bool {
    !FILES.is_empty()
}

/// Answers visitors for as long as it is polled.
pub(crate) async fn serve(visits: Visits, address: &ServerAddress) {
    let index: Arc<[u8]> = index(address).into();
    let router = Router::new().fallback(answer).with_state(index);
    // It ends only with the process.
    let _ = axum::serve(visits, router.into_make_service_with_connect_info::<Visit>()).await;
}

/// The first file, which names the server.
fn index(address: &ServerAddress) -> Vec<u8> {
    let html =
        file("/index.html").map_or(MISSING.into(), |file| String::from_utf8_lossy(file.plain));
    // An address has no character that means something in HTML.
    let slot = format!(r#"<meta name="veche-server" content="{address}">"#);
    html.replace(ADDRESS_SLOT, &slot).into_bytes()
}

async fn answer(
    State(index): State<Arc<[u8]>>,
    ConnectInfo(visit): ConnectInfo<Visit>,
    request: Request,
) -> Response<Body> {
    let mut response = if visit.is_safe {
        response(&index, &request)
    } else {
        text(StatusCode::FORBIDDEN, INSECURE)
    };
    if !visit.is_tls {
        // What a connection is for is told once, by its first request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn response(index: &[u8], request: &Request) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "This can only be read.\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match request.uri().path() {
        "/" | "/index.html" => {
            let body = Body::from(index.to_vec());
            let mut response = plain(StatusCode::OK, "text/html; charset=utf-8", body);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        path => match file(path) {
            Some(file) => found(file, request.headers()),
            None => text(StatusCode::NOT_FOUND, "There is nothing here.\n"),
        },
    }
}

fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

fn found(file: &'static File, wishes: &HeaderMap) -> Response<Body> {
    let (coding, bytes) = match (file.brotli, file.gzip) {
        (Some(brotli), _) if accepts(wishes, "br") => (Some("br"), brotli),
        (_, Some(gzip)) if accepts(wishes, "gzip") => (Some("gzip"), gzip),
        _ => (None, file.plain),
    };
    let mut response = plain(StatusCode::OK, media_type(file.path), Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    // The name of a built file changes with what is in it.
    let lasting = file.path.starts_with("/assets/");
    let cached = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    response
}

/// Whether the browser takes a coding; one that it rates at 0 it does not.
fn accepts(wishes: &HeaderMap, coding: &str) -> bool {
    wishes
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|wish| {
            let mut parts = wish.split(';').map(str::trim);
            let is_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
            is_it && !parts.any(|part| part == "q=0" || part == "q=0.0")
        })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn text(status: StatusCode, words: &'static str) -> Response<Body> {
    plain(status, "text/plain; charset=utf-8", Body::from(words))
}

/// A response with the headers that every one has.
fn plain(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let always: [(HeaderName, &'static str); 7] = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in always {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))])
    }

    #[test]
    fn a_coding_is_used_only_where_it_is_wanted() {
        assert!(accepts(&wishes("gzip, deflate, br;q=0.9"), "br"));
        assert!(accepts(&wishes("GZIP"), "gzip"));
        for text in ["gzip", "br;q=0", "brotli", ""] {
            assert!(!accepts(&wishes(text), "br"), "{text:?}");
        }
    }

    async fn status(method: Method, path: &'static str, is_safe: bool) -> StatusCode {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let visit = ConnectInfo(Visit { is_safe, is_tls: is_safe });
        answer(State(Arc::from(*b"page")), visit, request).await.status()
    }

    #[tokio::test]
    async fn the_page_is_not_given_over_an_open_line() {
        assert_eq!(status(Method::GET, "/", true).await, StatusCode::OK);
        for path in ["/", "/index.html", "/assets/any.js"] {
            assert_eq!(status(Method::GET, path, false).await, StatusCode::FORBIDDEN, "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_or_not_to_be_read_is_refused() {
        assert_eq!(status(Method::GET, "/absent", true).await, StatusCode::NOT_FOUND);
        assert_eq!(status(Method::POST, "/", true).await, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn the_first_file_names_the_server() {
        let address = "veche.example:443/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let html = String::from_utf8(index(&address.parse().unwrap())).unwrap();
        assert!(html.contains(&format!(r#"content="{address}""#)), "{html}");
    }
}

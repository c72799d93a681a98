//! The bare server: what hyper does with one body, without any of the work.
//!
//! It reads the request's body, as every real server must, and answers with as many bytes as told.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

pub(crate) fn serve(listen: SocketAddr, bytes: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        eprintln!("listening on http://{}", listener.local_addr()?);
        let body = Bytes::from(vec![b'x'; bytes]);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let body = body.clone();
            tokio::spawn(async move {
                let answer = service_fn(|request| answer(request, body.clone()));
                let http = hyper::server::conn::http1::Builder::new();
                // A client that went away is not the server's trouble.
                let _ = http.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    })
}

async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(body));
    let json = hyper::header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}

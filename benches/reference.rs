//! The limit that the load script compares with: actix-web and nothing else, answering every request
//! with a ready body. `reference PORT FILE`

use actix_web::{App, HttpResponse, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(9001);
    let body = web::Bytes::from(std::fs::read(arguments.next().unwrap_or_else(|| "/dev/null".to_owned()))?);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(body) }
        }))
    });
    server.workers(1).bind(("127.0.0.1", port))?.run().await
}

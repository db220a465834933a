//! The limit that the load script compares with: actix-web and nothing else, answering every request
//! with a ready body, or 304 where the client says that it has it. `reference PORT FILE`

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().and_then(|port| port.parse().ok()).unwrap_or(9001);
    let body = web::Bytes::from(std::fs::read(arguments.next().unwrap_or_else(|| "/dev/null".to_owned()))?);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move |request: HttpRequest| {
            let body = body.clone();
            async move {
                match request.headers().contains_key("if-none-match") {
                    true => HttpResponse::NotModified().finish(),
                    false => HttpResponse::Ok().content_type("application/json").body(body),
                }
            }
        }))
    });
    server.workers(1).bind(("127.0.0.1", port))?.run().await
}

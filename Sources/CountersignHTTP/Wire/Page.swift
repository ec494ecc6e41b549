import HTTPTypes

/// A page for browsers. It runs no script, loads nothing and sends nothing: a browser refuses all of that by its policy,
/// whatever the page should hold.
package struct Page: Sendable {
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - title: beside the program's name.
    ///   - body: the page's landmarks.
    package init(title: String, @HTMLBuilder body: () -> HTML) {
        let page =
            HTML.documentType
            + HTML("html", ["lang": "en"]) {
                HTML("head") {
                    HTML("meta", ["charset": "utf-8"])
                    HTML("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
                    HTML("meta", ["name": "color-scheme", "content": "light dark"])
                    HTML("title") { title }
                    // Else browsers ask for /favicon.ico, which would be a refused request.
                    HTML("link", ["rel": "icon", "href": "data:,"])
                    HTML(.page)
                    HTML(.drawing)
                }
                HTML("body", content: body)
            }
        bytes = Array(page.markup.utf8)
    }

    /// The page as an answer that nobody keeps.
    package var reply: Reply { Reply(status: .ok, headers: Self.headers, body: bytes) }

    private static let headers: HTTPFields = [
        .contentType: "text/html; charset=utf-8",
        .cacheControl: "no-store",
        .contentSecurityPolicy: """
        default-src 'none'; style-src 'sha256-\(StyleSheet.page.digest)' 'sha256-\(StyleSheet.drawing.digest)'; \
        img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """,
        .xContentTypeOptions: "nosniff",
        .referrerPolicy: "no-referrer",
        .vary: "Accept",
    ]
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
}

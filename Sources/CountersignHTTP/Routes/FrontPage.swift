import HTTPTypes
import TokenExchange

/// What people see who open a listener's address in a browser. Programs get a problem document there, as at any path
/// without an answer.
enum FrontPage {
    /// What metrics and the log call it.
    static let name: LabelValue = "front_page"

    /// Says what this is, and nothing about this deployment.
    static let `public` = Page(title: "Countersign") {
        main {
            HTML("p") {
                "This address belongs to a service, not to a site. When a store associate logs in, NewStore's app "
                "sends a token here and gets another one back, which the retailer's own systems know."
            }
            HTML("p") { "There is nothing to do here by hand. Programs that check its tokens read:" }
            links([
                (".well-known/jwks.json", "the public keys (JWK set)"),
                (".well-known/oauth-authorization-server", "the metadata (RFC 8414)"),
            ])
        }
    }

    /// Leads to what operators look for.
    static let operations = Page(title: "Countersign: operations") {
        main {
            HTML("p") { "This is the listener for operators." }
            links([
                ("status", "how the service is doing"),
                ("readyz", "readiness, component by component (JSON)"),
                ("metrics", "metrics (Prometheus text)"),
                ("openapi.yaml", "the API (OpenAPI 3.1)"),
            ])
        }
    }

    private static func main(@HTMLBuilder content: () -> HTML) -> HTML {
        HTML("main", ["class": "front"]) {
            HTML("h1") { "Countersign" }
            content()
        }
    }

    /// Relative, because a proxy may serve the listener below a path of its own.
    private static func links(_ links: [(target: String, text: String)]) -> HTML {
        HTML("ul") {
            for link in links {
                HTML("li") { HTML("a", ["href": link.target]) { link.text } }
            }
        }
    }
}

extension IncomingRequest {
    /// Whether a browser opens the listener's address: programs do not ask for HTML by name.
    @inline(never)
    var opensFrontPage: Bool {
        guard path == "/", head.method == .get || head.method == .head, let accepted = head.headerFields[.accept] else {
            return false
        }
        return accepted.split(separator: ",").contains { range in
            let parts = range.utf8.filter { !ASCII.isBlank($0) }.split(separator: UInt8(ascii: ";"))
            guard let type = parts.first, ASCII.isEqual(type, lowercased: "text/html".utf8) else { return false }
            return !parts.dropFirst().contains { ASCII.isEqual($0, lowercased: "q=0".utf8) }
        }
    }
}

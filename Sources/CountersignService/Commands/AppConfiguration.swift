package import ServiceConfiguration
package import TokenExchange

/// What an administrator enters at NewStore: the Associate App configuration, and the values of each webview.
package struct AppConfiguration {
    /// What the Associate App opens for loyalty (`cart.more.loyaltyProgram`).
    package struct Loyalty: Sendable {
        let provider: ExactText
        let url: String
        let isDeepLink: Bool

        /// - Parameters:
        ///   - url: a page, or where `isDeepLink` is true the link of an external application; NewStore adds the query.
        ///   - isDeepLink: whether another application opens it instead of a webview.
        package init(provider: ExactText, url: String, isDeepLink: Bool) {
            self.provider = provider
            self.url = url
            self.isDeepLink = isDeepLink
        }
    }

    private let publicURL: String
    private let providers: [IdentityProvider]
    private let loyalty: Loyalty?

    /// - Parameters:
    ///   - tenant: whose providers are listed; nil for all.
    ///   - loyalty: nil for no loyalty block.
    /// - Throws: ``StartUpError`` if a name is unknown, or the loyalty URL is not one that NewStore could use.
    package init(_ configuration: Configuration, tenant: ExactText? = nil, loyalty: Loyalty? = nil) throws {
        if let tenant, !configuration.tenants.contains(where: { $0.name == tenant }) {
            let known = configuration.tenants.map(\.name.description).joined(separator: ", ")
            throw StartUpError(["there is no tenant \(tenant.excerpt); known are \(known)"])
        }
        let providers = configuration.associateProviders.filter { tenant.map($0.tenants.contains) ?? true }
        if let loyalty {
            guard providers.contains(where: { $0.name == loyalty.provider }) else {
                let known = providers.map(\.name.description).joined(separator: ", ")
                throw StartUpError([
                    "expected the name of an identity provider\(tenant.map { " of \($0)" } ?? "") (\(known)), found "
                        + loyalty.provider.excerpt
                ])
            }
            try loyalty.check()
        }
        publicURL = configuration.publicURL
        self.providers = providers
        self.loyalty = loyalty
    }

    /// The `external_integration` object as JSON, a member per line.
    package var text: String {
        let urls = providers.map { provider in
            JSONValue.object([
                .init("identity_provider", .string(provider.name)),
                .init("url", .string("\(publicURL)/post_login_callback/\(provider.name)")),
            ])
        }
        let members = [JSONValue.Member("post_login_callback_urls", .array(urls))] + (loyalty.map { [$0.member] } ?? [])
        let document = JSONValue.object([.init("external_integration", .object(members))])
        return String(decoding: document.indentedText.dropLast(), as: UTF8.self)
    }

    /// What to enter in Omnichannel Manager for a webview of each provider.
    package var webviewText: String {
        let place = """
            In Omnichannel Manager, Settings > Associate App > Customizations, Customer Profile (Create/Edit) or (Overview).
            Loyalty is not entered there: its place is the JSON that this command prints without --webviews.
            """
        let entries = providers.map { provider in
            """
            \(provider.name)
              Type               Webview
              Authentication     on
              Identity provider  \(provider.name)
              URL                \(provider.pages)
            """
        }
        return ([place] + entries).joined(separator: "\n\n")
    }
}

extension AppConfiguration.Loyalty {
    fileprivate var member: JSONValue.Member {
        JSONValue.Member(
            "cart.more.loyaltyProgram",
            .object([
                .init("url", .string(url)), .init("is_deeplink", .bool(isDeepLink)),
                .init("identity_provider", .string(provider)),
            ]))
    }

    /// NewStore appends a query, so there must not be one.
    fileprivate func check() throws {
        let scheme = url.prefix { $0 != ":" }
        let rest = url.dropFirst(scheme.count)
        let isScheme =
            scheme.first?.isLetter == true && scheme.allSatisfy { $0.isLetter || $0.isNumber || "+-.".contains($0) }
        let isPrintable = url.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"?#\"<>\\^`{|}".utf8.contains($0) }
        let isPage = ["https", "http"].contains(scheme.lowercased())
        guard isScheme, isPrintable, rest.hasPrefix("://"), rest.count > 3, isDeepLink || isPage else {
            throw StartUpError([
                "expected \(isDeepLink ? "a link such as acme-loyalty://open" : "the URL of a page such as https://loyalty.acme.example") "
                    + "without query and fragment, found \(ExactText(url).excerpt)"
            ])
        }
    }
}

extension IdentityProvider {
    /// Where its pages are.
    fileprivate var pages: String {
        webviewOrigins.isEmpty
            ? "none yet: add the origin of the page to webview.origins, or it cannot ask /session"
            : "a page of " + webviewOrigins.map(\.description).joined(separator: " or ")
    }
}

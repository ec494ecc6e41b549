package import ServiceConfiguration
import TokenExchange

/// What an administrator pastes into NewStore's Associate App configuration.
package enum AppConfiguration {
    /// The `external_integration` object as JSON, a member per line.
    package static func text(_ configuration: Configuration) -> String {
        let urls = configuration.identityProviders.map { provider in
            let url = "\(configuration.publicURL)/post_login_callback/\(provider.name)"
            let entry = JSONValue.object([
                .init("identity_provider", .string(provider.name)), .init("url", .string(url)),
            ])
            return "      " + String(decoding: entry.text, as: UTF8.self)
        }
        return """
            {
              "external_integration": {
                "post_login_callback_urls": [
            \(urls.joined(separator: ",\n"))
                ]
              }
            }
            """
    }
}

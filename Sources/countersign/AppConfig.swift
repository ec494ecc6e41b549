import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign app-config`.
struct AppConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-config",
        abstract: "Print the `external_integration` JSON for NewStore's Associate App configuration.",
        discussion: """
            With --tenant only that tenant's identity providers: NewStore's configuration belongs to one tenant. With \
            --loyalty-provider and --loyalty-url also `cart.more.loyaltyProgram`. With --webviews instead the values to enter \
            in Omnichannel Manager for every other webview. Reads only the configuration file.

            Example:
              countersign app-config --tenant acme --loyalty-provider vip-loyalty --loyalty-url acme-loyalty://open \
            --deeplink --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Option(help: "Only the identity providers of this tenant. Default: all.")
    var tenant: String?
    @Option(help: "The identity provider of the loyalty program.")
    var loyaltyProvider: String?
    @Option(
        name: .customLong("loyalty-url"),
        help: "What the app opens for it, without query: a page, or with --deeplink the link of an application.")
    var loyaltyURL: String?
    @Flag(help: "The loyalty URL opens an external application, not a page.")
    var deeplink = false
    @Flag(help: "Print what to enter in Omnichannel Manager for each webview instead.")
    var webviews = false

    func validate() throws {
        if (loyaltyProvider == nil) != (loyaltyURL == nil) || deeplink && loyaltyURL == nil {
            throw ValidationError("Name both --loyalty-provider and --loyalty-url; --deeplink says how that URL opens.")
        }
    }

    func run() async throws {
        try await config.reporting {
            let loyalty = loyaltyProvider.flatMap { provider in
                loyaltyURL.map {
                    AppConfiguration.Loyalty(provider: ExactText(provider), url: $0, isDeepLink: deeplink)
                }
            }
            let app = try AppConfiguration(
                try await config.load(), tenant: tenant.map { ExactText($0) }, loyalty: loyalty)
            print(webviews ? app.webviewText : app.text)
        }
    }
}

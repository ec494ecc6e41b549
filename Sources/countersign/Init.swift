import ArgumentParser
import CountersignService
import Foundation
import TokenExchange

/// `countersign init`.
struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a first configuration, commented, and make its signing key.",
        discussion: """
            On a terminal, asks what no option says. Elsewhere only --realm is needed; all else has a default. Never overwrites \
            a file or a key. Prints the next three commands.

            Example:
              countersign init --realm acme-staging --provider vip-loyalty --origin https://loyalty.acme.example \
            --store redis://127.0.0.1:6379/0 --config countersign.yaml
            """)

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The file to write. Default: the file that COUNTERSIGN_CONFIG names, else countersign.yaml here.",
            valueName: "file"))
    var file: String?
    @Option(help: "The realm of your NewStore tenant: https://id.p.newstore.net/auth/realms/REALM is the issuer.")
    var realm: String?
    @Option(help: "The URL of the issuer instead, if it is not a realm of that host.")
    var issuer: String?
    @Option(
        name: .customLong("public-url"), help: "Where clients reach Countersign. Default: http://127.0.0.1:8080.")
    var publicURL: String?
    @Option(
        name: .customLong("provider"), parsing: .singleValue,
        help: "An identity provider, as NewStore names it; may be repeated. Default: vip-loyalty.")
    var providers: [String] = []
    @Option(
        name: .customLong("origin"), parsing: .singleValue,
        help: "The origin of a webview page, for all providers; may be repeated. Default: none.")
    var origins: [String] = []
    @Option(help: "The kind of token: jwt or opaque. Default: jwt.")
    var token: String?
    @Option(help: "Where sessions are kept: memory, or the URL of Redis. Default: memory.")
    var store: String?

    @Option(
        help: ArgumentHelp(
            "The folder for private keys, relative to the file. Default: signing.", valueName: "folder"))
    var keys: String?

    func validate() throws {
        if realm != nil, issuer != nil { throw ValidationError("Name --realm or --issuer, not both.") }
        if issuer?.contains("://") == false { throw ValidationError("--issuer is a URL; a realm is --realm.") }
    }

    func run() async throws {
        do {
            try FirstConfiguration.refuseToOverwrite(path)
            var configuration = FirstConfiguration()
            let answered = take(&configuration)
            if Confirmation.canAsk {
                try configuration.askRest(answered: answered) { text in
                    StandardError.write(Array(text.utf8))
                    return readLine()
                }
            }
            print(try configuration.make(path, time: .system))
        } catch {
            StandardError.write(Array((StartUpError(error).problems.joined(separator: "\n") + "\n").utf8))
            throw ExitCode(1)
        }
    }

    private var path: String {
        let named = ProcessInfo.processInfo.environment["COUNTERSIGN_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        return file ?? named ?? "countersign.yaml"
    }

    /// Takes what the options say, and returns the names of those that were given.
    private func take(_ configuration: inout FirstConfiguration) -> Set<String> {
        var answered: Set<String> = []
        func take<Value>(_ value: Value?, _ option: String, _ path: WritableKeyPath<FirstConfiguration, Value>) {
            guard let value else { return }
            configuration[keyPath: path] = value
            answered.insert(option)
        }
        take(realm ?? issuer, "--realm", \.issuer)
        take(publicURL, "--public-url", \.publicURL)
        take(providers.isEmpty ? nil : providers, "--provider", \.providers)
        take(origins.isEmpty ? nil : origins, "--origin", \.origins)
        take(token, "--token", \.tokenKind)
        take(store, "--store", \.store)
        if let keys { configuration.keys = keys }
        return answered
    }
}

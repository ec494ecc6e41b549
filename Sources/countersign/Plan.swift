import ArgumentParser
import CountersignService
import ServiceConfiguration

/// `countersign plan`.
struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say how many replicas and how much Redis a number of stores needs, and which limit comes first.",
        discussion: """
            Multiplies what you expect by what was measured (docs/scaling.md): logins at opening time, questions about \
            sessions after them, connections, memory. Half of each processor, and of Redis' memory, stays free. One replica \
            more than needed may fail or be replaced.

            A configuration is not needed. If there is one, it says how many identity providers there are, what tokens they \
            have and for how long, the limits, and whether there is a load balancer (listen.trusted_proxies); an \
            option counts more. Reads no secret and asks no server.

            Examples:
              countersign plan --stores 800 --associates 6 --providers 3 --window 10m
              countersign plan --stores 800 --associates 6 --window 10m --svg plan.svg --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @OptionGroup var load: LoadOptions
    @OptionGroup var machines: MachineOptions
    @OptionGroup var drawing: DrawingOption
    @Flag(help: "Print a JSON object.")
    var json = false

    func run() async throws {
        try await config.reporting {
            var settings = PlanSettings(stores: load.stores, associates: load.associates, window: load.window.duration)
            if let configuration = try await config.loadIfPresent() { settings.take(configuration) }
            load.apply(to: &settings)
            machines.apply(to: &settings)
            let plan = CapacityPlan(settings)
            print(json ? plan.json : plan.text)
            try drawing.write { CapacityDrawing(plan).file }
        }
    }
}

/// What is expected.
struct LoadOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "How many stores, 1 to 1000000.", transform: number(1...1_000_000))
    var stores: Int
    @Option(
        parsing: .unconditional, help: "How many associates log in in each store, 1 to 10000.",
        transform: number(1...10_000))
    var associates: Int
    @Option(
        parsing: .unconditional,
        help:
            "How many identity providers, each with a callback for every login, 1 to 100. Default: those of the configuration, else 1.",
        transform: number(1...100))
    var providers: Int?
    @Option(
        parsing: .unconditional, help: "Within what time all of them log in: 10m, 1h; at most 7d.",
        transform: duration)
    var window: LifetimeArgument
    @Option(
        parsing: .unconditional,
        help:
            "How many times the average the busiest minute has, 1 to 100. Default: 3; opening hours are round numbers.",
        transform: number(1...100))
    var peak: Int?
    @Option(
        parsing: .unconditional,
        help:
            "How often back ends ask about each session in its life, 0 to 10000. Default: 10, about one for every 20 minutes.",
        transform: number(0...10_000))
    var introspections: Int?
    @Option(
        parsing: .unconditional,
        help:
            "How often a page asks about its session (GET /session), 0 to 10000 for each session in its life. Default: 10.",
        transform: number(0...10_000))
    var pages: Int?
    @Option(
        help:
            "The form of external identities: jwt or opaque. Default: the configuration's, else jwt, which takes more memory."
    )
    var token: PlanSettings.Token?
    @Option(
        parsing: .unconditional,
        help: "How long a session lives; at most 7d. Default: the configuration's longest, else 3h.",
        transform: duration)
    var sessionLifetime: LifetimeArgument?
    @Option(
        parsing: .unconditional,
        help: "How long NewStore's token is valid; at most 7d. The answer to a login is kept for as long. Default: 1h.",
        transform: duration)
    var identityTokenLifetime: LifetimeArgument?

    func apply(to settings: inout PlanSettings) {
        settings.providers = providers ?? settings.providers
        settings.peak = peak ?? settings.peak
        settings.introspections = introspections ?? settings.introspections
        settings.pages = pages ?? settings.pages
        settings.token = token ?? settings.token
        settings.sessionLifetime = sessionLifetime?.duration ?? settings.sessionLifetime
        settings.identityTokenLifetime = identityTokenLifetime?.duration ?? settings.identityTokenLifetime
    }
}

/// What serves it.
struct MachineOptions: ParsableArguments {
    @Option(
        parsing: .unconditional, help: "Cores of each replica, 1 to 256. Default: 2.", transform: number(1...256))
    var cores: Int?
    @Option(
        parsing: .unconditional,
        help:
            "Files that a replica may have open, 1024 to 1000000000. Default: 65536, as the unit of the package has it.",
        transform: number(1024...1_000_000_000))
    var openFiles: Int?
    @Option(
        parsing: .unconditional, help: "Memory of one Redis server in MB, 16 to 10000000. Default: 1024.",
        transform: number(16...10_000_000))
    var redisMegabytes: Int?
    @Flag(
        inversion: .prefixedNo,
        help:
            "An HTTP load balancer keeps clients' connections. Default: if the configuration has listen.trusted_proxies."
    )
    var loadBalancer: Bool?
    @Option(
        parsing: .unconditional,
        help: "How many stores come from one address, 1 to 1000000. Default: 1; more if stores share a proxy or a VPN.",
        transform: number(1...1_000_000))
    var storesPerSource: Int?

    func apply(to settings: inout PlanSettings) {
        settings.cores = cores ?? settings.cores
        settings.openFiles = openFiles ?? settings.openFiles
        settings.redisMegabytes = redisMegabytes ?? settings.redisMegabytes
        settings.hasLoadBalancer = loadBalancer ?? settings.hasLoadBalancer
        settings.storesPerSource = storesPerSource ?? settings.storesPerSource
    }
}

extension PlanSettings.Token: ExpressibleByArgument {}

/// Reads a whole number of `range`.
private func number(_ range: ClosedRange<Int>) -> @Sendable (String) throws -> Int {
    { text in
        guard let number = Int(text), range.contains(number) else {
            throw ValidationError("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

/// Reads a duration from a second to a week.
@Sendable private func duration(_ text: String) throws -> LifetimeArgument {
    guard let lifetime = LifetimeArgument(argument: text), lifetime.duration <= .seconds(7 * 86_400) else {
        throw ValidationError("expected a time from 1s to 7d, such as 10m")
    }
    return lifetime
}

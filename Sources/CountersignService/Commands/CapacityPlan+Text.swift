import Foundation
import TokenExchange

extension CapacityPlan {
    /// Load, needs, limits with the nearest first, and how it grows.
    package var text: String {
        ([sentence, ""] + load + ["", "It needs"] + needs + ["", "Limits, the nearest first"] + limits.map(line)
            + [""] + verdict + ["", "With more stores"] + growth).joined(separator: "\n")
    }

    private var sentence: String {
        "\(settings.stores.of("store")) with \(settings.associates.of("associate")) each, who log in within "
            + "\(settings.window.inWords) for \(settings.providers.of("identity provider")). "
            + "In the busiest minute, \(settings.peak) times the average:"
    }

    private var load: [String] {
        let life = settings.sessionLifetime.inWords
        let kept =
            settings.hasLoadBalancer
            ? "a load balancer's, for requests in progress" : "each kept for \(settings.idleTimeout.inWords)"
        return [
            row("callbacks/s", callbacksPerSecond, "\(loginsPerSecond.figure) associates log in each second"),
            row("introspections/s", introspectionsPerSecond, "\(settings.introspections) for each session in \(life)"),
            row("GET /session/s", pagesPerSecond, "\(settings.pages) for each session in \(life)"),
            row("connections", connections, kept),
            row("live sessions", sessions, "\(settings.token.rawValue), for \(life)"),
        ]
    }

    private var needs: [String] {
        let headroom = "half of \(settings.cores.of("core")) each stays free"
        let server = masters == 1 ? "one server" : "a cluster of \(masters) masters"
        return [
            row(
                "replicas", Double(replicas),
                "\(carrying) to carry it, so that \(headroom), and 1 for a failure or an upgrade"),
            row("cores in use", replicaCores, "of all replicas"),
            row("memory, MB", replicaMegabytes, "of each replica"),
            row("open files", openFiles, "of each replica, while another is away"),
            row("Redis, MB", redisMegabytes, server),
            row("Redis, CPU", redisCores, "of one thread"),
        ]
    }

    private func row(_ name: String, _ value: Double, _ words: String) -> String {
        "  \(name.padded(to: 18))\(value.figure.padded(to: 10, isNumber: true))  \(words)"
    }

    private func line(of limit: CapacityLimit) -> String {
        "\(limit.percent.padded(to: 7, isNumber: true))  \(limit.name): \(limit.words); \(reached(limit))"
    }

    private func reached(_ limit: CapacityLimit) -> String {
        let now = Double(limit.cause == .stores ? settings.stores : settings.associates)
        let at = (now * limit.growth).rough
        return switch limit.cause {
        case .stores: "reached at about \(at) stores"
        case .associates: "reached at about \(at) associates in a store"
        }
    }

    private var verdict: [String] {
        let first = limits[0]
        return [
            "First comes \(first.name), \(first.used > 1 ? "which is exceeded" : reached(first)). \(first.remedy)",
            "One Redis is enough up to about \(redisStores.memory.rough) stores by its memory, \(redisStores.cpu.rough) by its "
                + "CPU; beyond that, a Redis Cluster.",
        ] + [settings.remark].compactMap(\.self)
    }

    /// Where one Redis ends.
    var redisStores: (cpu: Double, memory: Double) {
        let stores = Double(settings.stores)
        return (stores * redisCPU.growth, stores * redisMemory.growth)
    }

    private var growth: [String] {
        let head = ["stores", "callbacks/s", "cores", "replicas", "Redis, MB", "Redis, CPU", "masters"]
        let rows = [1, 2, 5, 10, 20, 50, 100].map { times in
            var more = settings
            more.stores *= times
            let plan = CapacityPlan(more)
            return [
                Double(more.stores), plan.callbacksPerSecond, plan.replicaCores, Double(plan.replicas),
                plan.redisMegabytes, plan.redisCores, Double(plan.masters),
            ].map(\.figure)
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        return ([head] + rows).map { cells in
            zip(cells, widths).map { "  " + $0.padded(to: $1, isNumber: true) }.joined()
        }
    }
}

extension CapacityLimit {
    var percent: String { String(format: used < 0.1 ? "%.1f %%" : "%.0f %%", used * 100) }
}

extension Int {
    /// With a noun: `1 store`, `2 stores`.
    func of(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}

extension Double {
    /// Rounded down to two digits: a model is no better.
    var rough: String {
        var (value, unit) = (self, 1.0)
        while value >= 100 {
            value /= 10
            unit *= 10
        }
        return (value.rounded(.down) * unit).figure
    }

    /// With three digits, and all of an integer.
    var figure: String {
        if self >= 100 || self == rounded() { return String(format: "%.0f", self) }
        return self >= 0.0001 ? String(format: "%.3g", self) : "<0.0001"
    }
}

extension String {
    fileprivate func padded(to width: Int, isNumber: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - count))
        return isNumber ? padding + self : self + padding
    }
}

import TokenExchange

/// What logins at opening time, and the questions after them, need: replicas, Redis, connections; and which limit is the
/// nearest. Products of what was assumed and what was measured (``MeasuredCost``); docs/scaling.md has the formulas.
package struct CapacityPlan: Sendable {
    let settings: PlanSettings

    package init(_ settings: PlanSettings) {
        self.settings = settings
    }

    /// How much of the CPU of replicas and Redis, and of Redis' memory, a plan uses.
    static let share = 0.5

    // MARK: Load, in the busiest minute

    private var associates: Double { Double(settings.stores) * Double(settings.associates) }
    private var sessionsMade: Double { associates * Double(settings.providers) }
    private var peak: Double { Double(settings.peak) }

    var loginsPerSecond: Double { associates / settings.window.inSeconds * peak }
    package var callbacksPerSecond: Double { loginsPerSecond * Double(settings.providers) }
    package var introspectionsPerSecond: Double { questions(settings.introspections) }
    package var pagesPerSecond: Double { questions(settings.pages) }

    private func questions(_ number: Int) -> Double {
        sessions * Double(number) / settings.sessionLifetime.inSeconds * peak
    }

    /// At the end of the window, or once as many expire as are made.
    package var sessions: Double { sessionsMade * min(1, settings.sessionLifetime / settings.window) }
    private var answers: Double { sessionsMade * min(1, settings.identityTokenLifetime / settings.window) }

    /// Of all replicas. One for each login and each page, kept until it has been idle for long enough; an associate has
    /// two at most, the app's and a page's. A load balancer opens one for each request in progress, which are few.
    package var connections: Double {
        if settings.hasLoadBalancer { return (callbacksPerSecond + introspectionsPerSecond + pagesPerSecond) * 0.1 }
        return min(2 * associates, (loginsPerSecond + pagesPerSecond) * settings.idleTimeout.inSeconds)
    }

    // MARK: Needs

    /// Of all replicas, except what they take when idle.
    private var workingCores: Double {
        (callbacksPerSecond * cost(.callback) + introspectionsPerSecond * cost(.introspection)
            + pagesPerSecond * cost(.page)) / 1e6
    }

    private func cost(_ cost: MeasuredCost) -> Double { cost.value(settings.token) }

    private var idleCores: Double { cost(.idle) / 1000 }

    /// How many replicas carry it all with half of their cores.
    package var carrying: Int {
        let room = Double(settings.cores) * Self.share - idleCores
        return max(1, Int((workingCores / room).rounded(.up)))
    }

    /// One more may fail, or be replaced by its next version.
    package var replicas: Int { carrying + 1 }

    package var replicaCores: Double { workingCores + idleCores * Double(carrying) }

    /// Of one thread; more than 1 is more than one server has.
    package var redisCores: Double {
        (callbacksPerSecond * cost(.redisCallback)
            + (introspectionsPerSecond + pagesPerSecond) * cost(.redisQuestion)) / 1e6 + redisIdleCores
    }

    private var redisIdleCores: Double { cost(.redisIdle) / 1000 }

    package var redisMegabytes: Double {
        (sessions * cost(.session) + answers * cost(.answer)) / 1e6 + cost(.emptyRedis)
    }

    /// How many masters Redis needs; a cluster has at least three.
    package var masters: Int {
        let needed = max(redisCores / Self.share, redisMegabytes / (Double(settings.redisMegabytes) * Self.share))
        return needed <= 1 ? 1 : max(3, Int(needed.rounded(.up)))
    }

    /// While one replica is away.
    var connectionsOfReplica: Double { connections / Double(carrying) }

    var replicaMegabytes: Double { cost(.replica) + connectionsOfReplica * cost(.connection) / 1000 }

    package var openFiles: Double { Double(settings.otherFiles) + connectionsOfReplica }

    // MARK: Limits

    /// The nearest one first.
    package var limits: [CapacityLimit] {
        ([replicaCPU, redisCPU, redisMemory] + limitsOfConnections + limitsOfSources).sorted { $0.used > $1.used }
    }

    private var replicaCPU: CapacityLimit {
        let room = Double(settings.cores * carrying) * Self.share
        return CapacityLimit(
            "CPU of replicas", need: replicaCores, room: room, base: idleCores * Double(carrying),
            words: "\(replicaCores.figure) cores of \(room.figure), half of \(carrying.of("replica"))",
            remedy: "Add a replica, or give each more cores.")
    }

    var redisCPU: CapacityLimit {
        CapacityLimit(
            "CPU of one Redis", need: redisCores, room: Self.share, base: redisIdleCores,
            words: "\(redisCores.figure) cores of \(Self.share.figure), half of its one thread",
            remedy: "Use a Redis Cluster, which spreads sessions over its masters.")
    }

    var redisMemory: CapacityLimit {
        let room = Double(settings.redisMegabytes) * Self.share
        return CapacityLimit(
            "memory of one Redis", need: redisMegabytes, room: room, base: cost(.emptyRedis),
            words: "\(redisMegabytes.figure) MB of \(room.figure), half of what it has",
            remedy: "Give Redis more memory, shorten token.lifetime, or use a Redis Cluster.")
    }

    private var limitsOfConnections: [CapacityLimit] {
        [
            CapacityLimit(
                "limits.connections", need: connectionsOfReplica, room: Double(settings.connections),
                words: "\(connectionsOfReplica.figure) of \(settings.connections) at a replica, while another is away",
                remedy:
                    "Raise it (an idle connection takes \(cost(.connection).figure) kB), or let an HTTP load balancer "
                    + "keep clients' connections. Beyond it the longest-waiting one gives way, and its client connects again."
            ),
            CapacityLimit(
                "open files", need: openFiles, room: Double(settings.openFiles), base: Double(settings.otherFiles),
                words: "\(openFiles.figure) of \(settings.openFiles) at a replica",
                remedy: "Raise LimitNOFILE= of the unit, or ulimit -n."),
        ]
    }

    /// What a source may do, where all of a store's associates come from one address.
    private var limitsOfSources: [CapacityLimit] {
        let devices = Double(settings.associates) * Double(settings.storesPerSource)
        var limits: [CapacityLimit] = []
        if settings.connectionsPerSource > 0, !settings.hasLoadBalancer {
            limits.append(
                CapacityLimit(
                    "limits.connections_per_source", need: 2 * devices, room: Double(settings.connectionsPerSource),
                    cause: .associates,
                    words:
                        "\((2 * devices).figure) of \(settings.connectionsPerSource), if all of an address are at one replica",
                    remedy: "Raise it to twice the associates behind one address. Beyond it newcomers wait for a place."
                ))
        }
        if settings.requestsPerSecond > 0 {
            let refusals = devices * Double(settings.providers)
            let allowance = settings.burst + settings.requestsPerSecond
            limits.append(
                CapacityLimit(
                    "limits.burst", need: refusals, room: Double(allowance), cause: .associates,
                    words:
                        "\(refusals.figure) of \(allowance), if all logins of an address are refused within a second",
                    remedy:
                        "Raise it: good logins cost nothing, but an address that has spent its allowance is barred for a moment."
                ))
        }
        return limits
    }
}

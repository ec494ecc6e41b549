import CountersignService
import Foundation
import FoundationXML
import ServiceConfiguration
import TestSupport
import Testing

/// What `countersign plan` makes of what it is told.
@Suite struct CapacityPlanTests {
    /// 800 stores at opening time.
    private static func settings(_ change: (inout PlanSettings) -> Void = { _ in }) -> PlanSettings {
        var settings = PlanSettings(stores: 800, associates: 6, window: .seconds(600))
        settings.providers = 3
        change(&settings)
        return settings
    }

    private static func plan(_ change: (inout PlanSettings) -> Void = { _ in }) -> CapacityPlan {
        CapacityPlan(settings(change))
    }

    // MARK: Load

    @Test func spreadsLoginsOverTheWindowAndCountsThePeak() {
        #expect(Self.plan { $0.peak = 1 }.callbacksPerSecond == 24)
        #expect(Self.plan { $0.peak = 5 }.callbacksPerSecond == 120)
    }

    @Test func keepsEachSessionAndItsQuestionsForItsLife() {
        let day = Self.plan { $0.peak = 1 }
        #expect(day.sessions == 14_400)
        #expect(day.introspectionsPerSecond == 14_400.0 * 10 / 10_800)
        // Logins over six hours, of which sessions live for three: half of them live at once.
        let slow = Self.plan { ($0.peak, $0.window) = (1, .seconds(21_600)) }
        #expect(slow.sessions == 7200)
        #expect(slow.introspectionsPerSecond == 7200.0 * 10 / 10_800)
    }

    @Test func keepsAConnectionForEachAssociateAndPageAndNoMore() {
        #expect(Self.plan { $0.peak = 100 }.connections == 2 * 4800)
        #expect(Self.plan { ($0.peak, $0.pages) = (1, 0) }.connections == 8 * 75)
        #expect(Self.plan { $0.hasLoadBalancer = true }.connections < 20)
    }

    @Test func needsLessMemoryOfRedisForOpaqueTokens() {
        #expect(Self.plan { $0.token = .opaque }.redisMegabytes < Self.plan().redisMegabytes)
    }

    // MARK: Replicas and masters

    @Test func leavesHalfOfTheCoresFreeWithoutTheSpareReplica() {
        for stores in [1, 800, 12_345, 50_000, 250_000, 1_000_000] {
            for cores in [1, 2, 16] {
                let plan = Self.plan { ($0.stores, $0.cores) = (stores, cores) }
                let half = Double(cores) / 2
                #expect(plan.replicas == plan.carrying + 1)
                #expect(plan.replicaCores <= half * Double(plan.carrying))
                #expect(
                    plan.carrying == 1 || plan.replicaCores > half * Double(plan.carrying - 1),
                    "and no more than needed")
            }
        }
    }

    @Test func beginsAClusterOfThreeWhereOneRedisIsHalfUsed() {
        let stores = Int(Self.stores(ofLimit: "memory of one Redis", in: Self.plan()))
        #expect(Self.plan { $0.stores = stores }.masters == 1)
        #expect(Self.plan { $0.stores = stores + 1 }.masters == 3)
        #expect(Self.plan { $0.stores = 10 * stores }.masters == 10)
    }

    private static func stores(ofLimit name: String, in plan: CapacityPlan) -> Double {
        let limit = plan.limits.first { $0.name == name }
        return limit.map { 800 * $0.growth } ?? 0
    }

    // MARK: Limits

    struct Scene: Sendable, CustomTestStringConvertible {
        let limit: String
        let settings: PlanSettings
        var testDescription: String { limit }

        init(_ limit: String, _ change: (inout PlanSettings) -> Void) {
            self.limit = limit
            settings = CapacityPlanTests.settings(change)
        }
    }

    @Test(arguments: [
        Scene("limits.connections") { $0.stores = 5000 },
        Scene("open files") { ($0.openFiles, $0.stores) = (1024, 700) },
        Scene("CPU of replicas") { ($0.hasLoadBalancer, $0.stores, $0.redisMegabytes) = (true, 30_000, 100_000) },
        Scene("memory of one Redis") { ($0.hasLoadBalancer, $0.stores) = (true, 30_000) },
        Scene("CPU of one Redis") {
            ($0.hasLoadBalancer, $0.stores, $0.redisMegabytes) = (true, 1_000_000, 1_000_000)
        },
        Scene("limits.connections_per_source") { ($0.stores, $0.associates, $0.providers) = (1, 200, 1) },
        Scene("limits.burst") { ($0.hasLoadBalancer, $0.storesPerSource) = (true, 50) },
    ]) func namesTheLimitThatComesFirst(scene: Scene) throws {
        let plan = CapacityPlan(scene.settings)
        let first = try #require(plan.limits.first)
        #expect(first.name == scene.limit)
        #expect(plan.text.contains("First comes \(scene.limit), "))
        #expect(plan.text.contains("which is exceeded") == (first.used > 1))
        #expect(plan.limits.map(\.used) == plan.limits.map(\.used).sorted(by: >))
    }

    @Test func saysOfALimitThatItIsExceededOnlyBeyondIt() {
        func text(_ associates: Int) -> String {
            Self.plan { ($0.stores, $0.associates, $0.providers) = (1, associates, 1) }.text
        }
        #expect(!text(127).contains("which is exceeded"))
        #expect(!text(128).contains("which is exceeded"), "256 connections have their places")
        #expect(text(129).contains("First comes limits.connections_per_source, which is exceeded. Raise it"))
    }

    /// The number of stores at which a limit is said to be reached is that at which it is.
    @Test(arguments: ["limits.connections", "open files", "memory of one Redis"])
    func reachesALimitWhereItSays(name: String) throws {
        let stores = Self.stores(ofLimit: name, in: Self.plan())
        let there = Self.plan { $0.stores = Int(stores) }
        let limit = try #require(there.limits.first { $0.name == name })
        #expect(abs(limit.used - 1) < 0.002)
    }

    @Test func leavesOutWhatIsTurnedOff() throws {
        let configuration = try Self.configuration("limits: { requests_per_second: 0, connections_per_source: 0 }")
        let plan = Self.plan { $0.take(configuration) }
        #expect(
            plan.limits.map(\.name).sorted() == [
                "CPU of one Redis", "CPU of replicas", "limits.connections", "memory of one Redis", "open files",
            ])
    }

    // MARK: Any values

    @Test func survivesTheLeastAndTheMostOfEverything() throws {
        let week = Duration.seconds(7 * 86_400)
        for bits in 0..<1 << 7 {
            let isMost = { (bit: Int) in bits >> bit & 1 == 1 }
            var settings = PlanSettings(
                stores: isMost(0) ? 1_000_000 : 1, associates: isMost(1) ? 10_000 : 1,
                window: isMost(2) ? week : .seconds(1))
            settings.providers = isMost(1) ? 100 : 1
            (settings.peak, settings.introspections, settings.pages) = isMost(3) ? (100, 10_000, 10_000) : (1, 0, 0)
            settings.sessionLifetime = isMost(4) ? week : .seconds(1)
            (settings.cores, settings.redisMegabytes) = isMost(5) ? (256, 10_000_000) : (1, 16)
            (settings.hasLoadBalancer, settings.storesPerSource) = isMost(6) ? (true, 1_000_000) : (false, 1)
            let plan = CapacityPlan(settings)
            #expect(!plan.text.contains(/-\d|inf|nan/))
            #expect((try? JSONSerialization.jsonObject(with: Data(plan.json.utf8))) != nil)
            try Self.expectXML(CapacityDrawing(plan).file)
        }
    }

    private static func expectXML(_ text: String) throws {
        #expect(XMLParser(data: Data(text.utf8)).parse())
    }

    // MARK: Configuration

    /// One that has two identity providers, and `more`.
    private static func configuration(_ more: String = "", token: String = "kind: opaque, lifetime: 2h") throws
        -> Configuration
    {
        let folder = TemporaryFolder()
        try folder.write(
            "countersign.yaml",
            """
            public_url: http://127.0.0.1:8080
            signing: { directory: signing }
            tenants:
              - { name: acme, issuer: "https://id.example", keys: { jwks_url: "https://id.example/keys" } }
            identity_providers:
              - { name: loyalty, tenants: [acme], mode: strict, token: { \(token) } }
              - { name: notes, tenants: [acme], mode: strict, token: { kind: opaque } }
            \(more)
            """)
        return try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
    }

    @Test func takesProvidersTokensAndLifetimesFromTheConfiguration() throws {
        var settings = Self.settings()
        settings.take(try Self.configuration())
        #expect(settings.providers == 2 && settings.token == .opaque && settings.sessionLifetime == .seconds(10_800))
        settings.take(try Self.configuration(token: "kind: jwt, lifetime: 4h"))
        #expect(settings.token == .jwt && settings.sessionLifetime == .seconds(14_400))
        #expect(!settings.hasLoadBalancer)
        settings.take(try Self.configuration("listen: { public: \"127.0.0.1:1\", trusted_proxies: [10.0.0.0/8] }"))
        #expect(settings.hasLoadBalancer)
    }

    @Test func countsWithTheLimitsOfTheConfiguration() throws {
        let configuration = try Self.configuration("limits: { connections: 5000, connections_per_source: 7, burst: 3 }")
        let text = Self.plan { $0.take(configuration) }.text
        #expect(
            text.contains(" of 5000 at a replica") && text.contains(" of 7, if all") && text.contains(" of 53, if all"))
        #expect(text.contains("sessions.store is memory"))
    }

    /// Without a configuration, the plan's limits are those of one that names none.
    @Test func hasTheDefaultsOfTheConfiguration() throws {
        let configuration = try Self.configuration()
        let with = Self.plan { $0.take(configuration) }
        let without = Self.plan {
            ($0.providers, $0.token) = (2, .opaque)
        }
        let names = ["limits.connections", "limits.connections_per_source", "limits.burst"]
        for name in names {
            let lines = [with, without].map { plan in
                plan.text.split(separator: "\n").first { $0.contains("  \(name): ") }
            }
            #expect(lines[0] != nil && lines[0] == lines[1])
        }
    }

    // MARK: Drawing and document

    @Test func drawsABarForEachLimitThatStoresReach() {
        let drawing = CapacityDrawing(Self.plan()).file
        for limit in ["limits.connections", "open files", "memory of one Redis", "CPU of replicas", "CPU of one Redis"]
        {
            #expect(drawing.contains(">\(limit)</text>"))
        }
        #expect(drawing.matches(of: /class="failed"/).count == 1, "what is exceeded")
        #expect(drawing.matches(of: /class="signs"/).count == 4)
        #expect(!drawing.contains("limits.burst"), "more stores do not reach it")
    }

    @Test func hasTheFiguresOfTheDocument() throws {
        let file = "\(CountersignProcess.repository)/docs/scaling.md"
        let document = try String(contentsOfFile: file, encoding: .utf8)
        let table = document.matches(of: /(?m)^\| ([^|]+) \| ([0-9.]+) \| ([0-9.]+) \|$/).map {
            "\($0.1): \($0.2), \($0.3)"
        }
        #expect(table == MeasuredCost.all.map { "\($0.name): \($0.jwt.short), \($0.opaque.short)" })
    }
}

extension Double {
    fileprivate var short: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}

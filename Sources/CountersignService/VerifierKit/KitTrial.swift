import CoreMetrics
import CountersignHTTP
import JOSE
import Logging
package import TokenExchange

/// Runs somebody's verifier through a kit, with a Countersign of the kit's own for it to ask.
package struct KitTrial {
    private let kit: VerifierKit
    private let command: KitCommand
    private let isByIntrospection: Bool
    private let secret = Base64URL.text(OpenSSLRecordSealer().randomBytes(32))

    /// - Parameter isByIntrospection: whether the verifier is to ask about each token; else it goes by the key set.
    package init(_ kit: VerifierKit, _ command: KitCommand, isByIntrospection: Bool) {
        self.kit = kit
        self.command = command
        self.isByIntrospection = isByIntrospection
    }

    /// The verdicts, as a table.
    package struct Report: Sendable {
        package let text: String
        /// Whether every verdict was right.
        package let isPassed: Bool
    }

    /// Runs the command once for each token, and then with a good token while Countersign is unwell, and away.
    package func report(now: UnixTime) async throws -> Report {
        let sheets = try kit.sheets(now: now)
        let active = sheets.flatMap(\.cases).compactMap { item in
            item.activeAnswer.map { (ExternalIdentity(bytes: item.token), $0) }
        }
        let routes = KitRoutes(
            keySet: kit.keySet, activeTokens: Dictionary(active) { first, _ in first }, id: Array(Self.id.utf8),
            secret: Array(String(secret).utf8))
        let (ports, port) = AsyncStream<Int>.makeStream()
        let listener = Self.listener(routes) { port.yield($0) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { port.finish() }
                try await listener.run()
            }
            guard let number = await ports.first(where: { _ in true }) else {
                try await group.next()
                throw CancellationError()
            }
            var rows = try await rows(of: sheets, port: number)
            if routes.isAsked, let sheet = sheets.first, let good = sheet.cases.first {
                for (name, condition) in Self.conditions {
                    routes.set(condition)
                    rows.append(try await outage(name, sheet, good, port: number))
                }
                await listener.drain(within: .zero)
                rows.append(try await outage("countersign_away", sheet, good, port: number))
            }
            group.cancelAll()
            return Report(rows, isAsked: routes.isAsked)
        }
    }

    private static let id = "countersign-verifier-kit"
    private static let conditions: [(String, KitRoutes.Condition)] = [
        ("countersign_fails", .unavailable), ("answer_is_a_page", .page), ("answer_is_empty", .emptyObject),
    ]

    private static func listener(
        _ routes: KitRoutes, onListening: @escaping @Sendable (Int) -> Void
    ) -> HTTPListener {
        let metrics = NOOPMetricsHandler.instance
        return HTTPListener(
            HTTPListener.Settings(host: "127.0.0.1", port: 0, limits: ConnectionGate.Limits(connections: 64)),
            conductor: RequestConductor(
                routes: routes,
                sources: RequestSources(trustedProxies: IPNetworkSet([]), metrics: metrics, logger: .silent),
                time: .system),
            metrics: ConnectionMetrics(factory: metrics, listener: "kit"), logger: .silent, onListening: onListening)
    }

    private func rows(of sheets: [KitSheet], port: Int) async throws -> [KitRow] {
        var rows: [KitRow] = []
        for sheet in sheets {
            for item in sheet.cases {
                let isGood = isByIntrospection ? item.isAccepted && item.activeAnswer != nil : item.isAccepted
                rows.append(
                    KitRow(
                        name: "\(sheet.provider.name)/\(item.name)", expected: isGood ? .accept : .reject,
                        found: try await verdict(on: item, sheet, port: port), why: item.why))
            }
        }
        return rows
    }

    private func outage(_ name: String, _ sheet: KitSheet, _ good: KitCase, port: Int) async throws -> KitRow {
        KitRow(
            name: name, expected: .reject, found: try await verdict(on: good, sheet, port: port),
            why: "Nobody has said that the token is good: it must not be accepted.")
    }

    private func verdict(on item: KitCase, _ sheet: KitSheet, port: Int) async throws -> KitCommand.Verdict {
        var settings: [KitSetting: String] = [.url: "http://127.0.0.1:\(port)", .issuer: kit.issuer]
        if isByIntrospection { settings.merge([.verifier: Self.id, .secret: String(secret)]) { $1 } }
        return try await command.verdict(on: item.token, audience: sheet.provider.audience, settings: settings)
    }
}

/// One line of the table.
private struct KitRow {
    enum Expectation: String {
        case accept
        case reject
    }

    let name: String
    let expected: Expectation
    let found: KitCommand.Verdict
    let why: String

    var isRight: Bool {
        switch found {
        case .accepted: expected == .accept
        case .rejected: expected == .reject
        case .none: false
        }
    }

    /// - Parameter width: of the names.
    func text(width: Int) -> String {
        let verdict =
            switch found {
            case .accepted: "accept"
            case .rejected: "reject"
            case .none(let reason): "no verdict: \(reason)"
            }
        let start = "\(isRight ? "pass" : "FAIL")  \(name)\(String(repeating: " ", count: width - name.count))  "
        return start + (isRight ? verdict : "expected \(expected.rawValue), found \(verdict). \(why)")
    }
}

extension KitTrial.Report {
    fileprivate init(_ rows: [KitRow], isAsked: Bool) {
        let width = rows.map(\.name.count).max() ?? 0
        let right = rows.count { $0.isRight }
        let note =
            isAsked
            ? []
            : ["It did not ask at \(KitSetting.url.rawValue), so it was not tried with a Countersign that is away."]
        let sum = "\(right) of \(rows.count) verdicts are right."
        text = (rows.map { $0.text(width: width) } + note + [sum]).joined(separator: "\n")
        isPassed = right == rows.count
    }
}

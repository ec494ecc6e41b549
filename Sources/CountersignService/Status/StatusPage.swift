import CountersignHTTP
import TokenExchange

extension ServiceStatus {
    /// The page that `GET /status` answers with. It does not load itself again: who reads with a magnifier or a screen
    /// reader would lose the place (WCAG 2.2.2).
    var page: Page {
        Page(title: "Countersign: \(readiness.status.rawValue)") {
            HTML("header") {
                HTML("h1") { "Countersign" }
                Self.pill(readiness.status)
                HTML("p", ["class": "soft"]) {
                    "Version \(version), up for \((now - startedAt).inWords), since \(startedAt.dateInWords) UTC. "
                    "As of \(CalendarTime(now).clock) UTC; "
                    HTML("a", ["href": "status"]) { "load again" }
                    "."
                }
            }
            HTML("main") {
                todo
                section("logins", "Logins in the last hour", logins)
                section("reasons", "Refusals and failures in the last hour", reasons)
                section("readiness", "Readiness", components)
                section("keys", "Signing keys", signingKeysPart)
                section("issuers", "Issuers", issuersTable)
                section("store", "Session store", storePart)
                section("certificates", "Certificates", certificatesTable)
                section("probe", "Latest probe", probePart)
                section("process", "This process", processPart)
            }
            HTML("footer") {
                HTML("nav", ["aria-label": "More"]) {
                    for target in ["readyz", "metrics", "openapi.yaml"] {
                        HTML("a", ["href": target]) { "/\(target)" }
                    }
                }
            }
        }
    }

    private static func pill(_ status: Readiness.Status) -> HTML {
        HTML("p", ["class": "pill \(status.rawValue)"]) { "\(status.sign) \(status.rawValue)" }
    }

    private func section(_ id: String, _ title: String, _ content: HTML) -> HTML {
        HTML("section", ["id": id, "aria-labelledby": "\(id)-title"]) {
            HTML("h2", ["id": "\(id)-title"]) { title }
            content
        }
    }

    private var todo: HTML {
        let troubles = troubles
        guard !troubles.isEmpty else {
            return section("todo", "To do", HTML("p") { "Nothing needs your attention." })
        }
        return HTML("section", ["id": "todo", "class": "trouble", "aria-labelledby": "todo-title"]) {
            HTML("h2", ["id": "todo-title"]) { "To do" }
            HTML("ul") {
                for trouble in troubles {
                    HTML("li") {
                        HTML("strong") { trouble.subject }
                        ": \(trouble.what). "
                        HTML("span", ["class": "remedy"]) { trouble.remedy ?? "" }
                    }
                }
            }
        }
    }

    // MARK: - Requests

    private var logins: HTML {
        HTML("div", ["class": "charts"]) {
            for login in hour.logins { LoginChart(provider: login.provider, minutes: login.minutes).piece }
        }
    }

    private var reasons: HTML {
        guard !hour.reasons.isEmpty else { return HTML("p") { "None." } }
        return StatusTable(
            of: "reasons", ["Reason, and what to do", "#Count"],
            hour.reasons.prefix(Self.shownReasons).map { reason, count in
                [
                    .advice(HTML("code") { reason.name }, "answered as \(reason.code.rawValue)", reason.remedy),
                    .text("\(count)"),
                ]
            }
        ).piece
    }

    /// There are about fifty; those that matter are among the first.
    private static let shownReasons = 20

    // MARK: - What logins need

    private var components: HTML {
        StatusTable(
            of: "readiness", ["Component", "Status"],
            readiness.components.map { component in
                [
                    .advice(HTML(text: component.name), component.detail ?? "", component.remedy ?? ""),
                    .piece(Self.pill(component.status)),
                ]
            }
        ).piece
    }

    private var issuersTable: HTML {
        StatusTable(
            of: "issuers", ["Tenant and its keys", "#Clock"],
            issuers.map { issuer in
                let keys = issuer.fetched
                let remedy =
                    keys?.failure != nil ? Remedy.reachIssuer : issuer.clockIsFarOff ? Remedy.synchronizeClock : ""
                return [
                    .advice(HTML(text: issuer.tenant.description), keys?.sentence ?? "keys from files", remedy),
                    .text(issuer.clockOffset.map(Self.signed) ?? "unknown"),
                ]
            }
        ).piece + HTML("p", ["class": "soft"]) { "Clock: how far the issuer's is ahead of ours, by its newest token." }
    }

    /// `+0.4 s`.
    private static func signed(_ offset: Duration) -> String {
        let tenths = Int((offset.inSeconds * 10).rounded())
        return "\(tenths < 0 ? "−" : "+")\(abs(tenths) / 10).\(abs(tenths) % 10) s"
    }

    private var signingKeysPart: HTML {
        let (manifest, plan) = (signingKeys.manifest, signingKeys.plan)
        let table = StatusTable(
            of: "keys", ["Key", "State", "Since"],
            manifest.keys.filter { !$0.isWithdrawnOrRevoked }.prefix(Self.shownKeys).map { key in
                let isSigning = plan.signers[key.algorithm] == key.keyID
                return [
                    .advice(HTML(text: key.algorithm.rawValue), key.keyID.description, ""),
                    .text(isSigning ? "\(key.state.rawValue), signs" : key.state.rawValue),
                    .text(key.since.dateInWords),
                ]
            })
        let moments = manifest.timeline(at: now, times: signingKeys.times)
        return HTML("div", ["class": "pair"]) {
            HTML("div") { table.piece }
            KeyTimelineDrawing(moments, today: now, width: 340).piece
        }
    }

    private static let shownKeys = 20

    private var certificatesTable: HTML {
        guard !certificates.isEmpty else { return HTML("p") { "None: plain HTTP, and no client certificates." } }
        return StatusTable(
            of: "certificates", ["Named by", "Expires"],
            certificates.map { certificate in
                [
                    .advice(
                        HTML("code") { certificate.name }, "",
                        certificate.isEnding(at: now) ? Remedy.renewCertificate : ""),
                    .text("\(certificate.expiry.dateInWords), \(certificate.expiry.inWords(at: now))"),
                ]
            }
        ).piece
    }

    // MARK: - What it runs on

    private var storePart: HTML {
        let facts = [
            ("Kind", store.kind), ("Round trip", store.latency.map(Self.milliseconds) ?? "no answer"),
            ("Sessions that wait to be written", "\(store.deferred)"),
            ("Sessions lost since the start", "\(store.dropped)"),
        ]
        return Self.list(facts)
            + (store.servers.isEmpty
                ? .nothing
                : StatusTable(
                    of: "store", ["Server", "Role", "#Connected"],
                    store.servers.prefix(Self.shownServers).map {
                        [.text($0.address), .text($0.role), .text("\($0.connected) of \($0.connections)")]
                    }
                ).piece)
    }

    private static let shownServers = 40

    private var probePart: HTML {
        guard let probe else {
            return HTML("p") { "None yet: the configuration has no probe, or it waits for its time." }
        }
        return HTML("p", ["class": "soft"]) { "Ended at \(CalendarTime(probe.endedAt).clock) UTC." }
            + StatusTable(
                of: "probe", ["Step", "Outcome"],
                probe.steps.map { step in
                    [
                        .advice(
                            HTML("code") { step.name }, step.detail ?? "", step.isAlarming ? Remedy.repeatProbe : ""),
                        .text(step.outcome),
                    ]
                }
            ).piece
    }

    private var processPart: HTML {
        let gaps = loopGaps.map(Self.milliseconds).joined(separator: ", ")
        let connections = listeners.map { listener in
            ("Connections, \(listener.name)", "\(listener.answering) being answered, \(listener.waiting) waiting")
        }
        let auditing = audit.map {
            [("Audit entries", "\($0.written) written, \($0.waitingBytes) bytes waiting, \($0.dropped) dropped")]
        }
        return Self.list(
            connections + (auditing ?? []) + [
                ("Event loops", "\(loopGaps.count); late by at most \(gaps)"),
                ("Log lines dropped", "\(droppedLogLines)"),
            ])
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let tenths = Int((duration.inSeconds * 10_000).rounded())
        return "\(tenths / 10).\(tenths % 10) ms"
    }

    private static func list(_ facts: [(String, String)]) -> HTML {
        HTML("dl") {
            for (name, value) in facts {
                HTML("dt") { name }
                HTML("dd") { value }
            }
        }
    }
}

extension ServiceStatus.Issuer.Fetched {
    /// `2 keys, 4 min old, fetched again in 5 min`, and why the latest fetch failed.
    fileprivate var sentence: String {
        let state = age.map { "\(count) keys, \($0.inWords) old" } ?? "no usable keys"
        return (failure.map { "\($0); " } ?? "") + "\(state), fetched again in \(untilNextFetch.inWords)"
    }
}

extension Readiness.Status {
    /// So that colour is not the only difference.
    fileprivate var sign: String {
        switch self {
        case .ready: "✓"
        case .degraded: "▲"
        case .unavailable: "✕"
        case .draining: "↓"
        }
    }
}

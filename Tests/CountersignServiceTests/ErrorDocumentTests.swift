import CountersignHTTP
import CountersignService
import Foundation
import HTTPTypes
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `docs/errors.md` has every code and reason of the program and no other, with the status that is answered and the remedy
/// that the program gives.
@Suite struct ErrorDocumentTests {
    /// What a request may be refused with, as answered and as logged.
    private struct Reason {
        let name: String
        let code: ErrorCode

        init(_ name: String, _ code: ErrorCode) {
            self.name = name
            self.code = code
        }
    }

    private static func table(_ heading: String) throws -> DocumentTable {
        try DocumentTable(under: heading, of: "docs/errors.md")
    }

    @Test func hasEveryErrorCodeWithItsStatusAndRemedy() throws {
        let table = try Self.table("## Error codes")
        #expect(table.names == ErrorCode.allCases.map(\.rawValue))
        for (row, code) in zip(table.rows, ErrorCode.allCases) {
            #expect(row.count == 5 && row[1] == "\(code.status.code)", "\(code)")
            #expect(Self.plain(row[3]) == Self.plain(code.remedy(for: nil)), "\(code)")
            #expect(!row[2].isEmpty && !row[4].isEmpty, "\(code)")
        }
    }

    @Test func hasEveryReasonOfARefusedTokenWithTheRemedyOfItsRule() throws {
        let table = try Self.table("## Reasons of refused tokens")
        #expect(table.names == Refusal.allCases.map(\.rawValue))
        for (row, refusal) in zip(table.rows, Refusal.allCases) {
            let code = ErrorCode(refusal)
            #expect(row.count == 5 && Self.plain(row[1]) == "\(code.status.code) \(code.rawValue)", "\(refusal)")
            #expect(Self.plain(row[3]) == Self.plain(code.remedy(for: refusal.rawValue)), "\(refusal)")
        }
    }

    private static let reasons: [(heading: String, [Reason])] = [
        ("## Reasons of refused requests", RequestRefusal.allCases.map { Reason($0.rawValue, $0.code) }),
        (
            "### Bodies and forms",
            bodyErrors.map { Reason($0.reason, .invalidRequest) }
                + FormError.allCases.map { Reason($0.rawValue, .invalidRequest) }
        ),
        ("### What is not HTTP", HTTPFault.allCases.map { Reason($0.rawValue, $0.code) }),
        ("## Reasons of overload", AdmissionControl.Overload.Cause.allCases.map { Reason($0.rawValue, .overloaded) }),
    ]

    private static let bodyErrors: [CallbackBodyError] =
        JSONError.allCases.map(CallbackBodyError.json)
        + [.identityNotAString, .identityEmpty, .deviceNotAString, .devicesDiffer]

    /// A new case does not compile until it is here, and then belongs in the list above.
    private static func isListed(_ error: CallbackBodyError) -> Bool {
        switch error {
        case .json, .identityNotAString, .identityEmpty, .deviceNotAString, .devicesDiffer: bodyErrors.contains(error)
        }
    }

    @Test(arguments: reasons.indices) func hasEveryReasonOfARefusedRequest(index: Int) throws {
        let (heading, reasons) = Self.reasons[index]
        let table = try Self.table(heading)
        #expect(Set(table.names) == Set(reasons.map(\.name)) && table.names.count == reasons.count)
        for reason in reasons {
            let row = try #require(table.rows.first { Self.plain($0[0]) == reason.name })
            #expect(Self.plain(row[1]) == "\(reason.code.status.code) \(reason.code.rawValue)", "\(reason.name)")
        }
        #expect(Self.bodyErrors.allSatisfy(Self.isListed))
    }

    /// The one reason that has a remedy of its own.
    @Test func saysWhatToDoAboutAPageWithoutAnExternalIdentity() throws {
        let table = try Self.table("## Reasons of refused requests")
        for refusal in RequestRefusal.allCases {
            let remedy = refusal.code.remedy(for: refusal.rawValue)
            let row = try #require(table.rows.first { Self.plain($0[0]) == refusal.rawValue })
            #expect(row[2].contains(remedy) == (remedy != refusal.code.remedy(for: nil)), "\(refusal)")
        }
    }

    @Test func hasEveryErrorOfTheTokenEndpointWithItsCodesAndStatuses() throws {
        let table = try Self.table("## Errors of the token endpoint")
        #expect(Set(table.names) == Set(OAuthError.allCases.map(\.rawValue)))
        for row in table.rows {
            let codes = ErrorCode.allCases.filter { OAuthError($0).rawValue == Self.plain(row[0]) }
            let refusals = RequestRefusal.allCases.filter {
                $0.oauthError.rawValue == Self.plain(row[0]) && $0.oauthError != OAuthError($0.code)
            }
            let names = Self.plain(row[2]).components(separatedBy: ", ")
            #expect(Set(names) == Set(codes.map(\.rawValue) + refusals.map(\.rawValue)), "\(row[0])")
            let statuses = Set(codes.map(\.oauthStatus.code) + refusals.map(\.code.oauthStatus.code))
            #expect(row[1] == statuses.sorted().map(String.init).joined(separator: ", "), "\(row[0])")
        }
    }

    @Test func hasEveryWordThatThePageGets() throws {
        let types = "\(CountersignProcess.repository)/Sources/CountersignHTTP/Webview/countersign.v2.d.ts"
        let line = try String(contentsOfFile: types, encoding: .utf8).split(separator: "\n")
            .first { $0.contains("type DenyReason =") }
        let words = try #require(line).split(separator: "\"").filter {
            !$0.contains("=") && !$0.contains("|") && $0 != ";"
        }
        #expect(words.count == 4)
        #expect(try Self.table("## What a page gets").names == words.map(String.init))
    }

    @Test func hasEveryStatusAndComponentOfReadiness() throws {
        let table = try Self.table("## Readiness")
        #expect(table.names == Readiness.Status.allCases.map(\.rawValue))
        #expect(table.rows.map { $0[1] } == Readiness.Status.allCases.map { $0.isGood ? "200" : "503" })
        let text = try String(contentsOfFile: "\(CountersignProcess.repository)/docs/errors.md", encoding: .utf8)
        var named: Set<String> = []
        for file in ["CountersignService/Assembly/ReadinessProbe", "CountersignHTTP/Routes/OperationsRoutes"] {
            let path = "\(CountersignProcess.repository)/Sources/\(file).swift"
            let source = try String(contentsOfFile: path, encoding: .utf8)
            named.formUnion(source.matches(of: /name: "([a-z_]+)/).map { String($0.1) })
        }
        #expect(named.count == 7)
        for name in named { #expect(text.contains("\n| `\(name)` | "), "\(name)") }
        for remedy in [Remedy.repairKeyDirectory, Remedy.reachIssuer, Remedy.reachService, Remedy.writeAudit] {
            #expect(Self.plain(text).contains("| \(Self.plain(remedy)) |\n"), "\(remedy)")
        }
    }

    private static func remedies(of kind: SessionStoreFailure.Cause.Kind) -> [String] {
        switch kind {
        case .timedOut: [SessionStoreFailure.Cause.timedOut.remedy]
        case .notConnected: [SessionStoreFailure.Cause.notConnected(detail: "").remedy]
        case .refused: ["NOPERM", "OOM", "READONLY"].map { SessionStoreFailure.Cause.refused(code: $0).remedy }
        case .unexpectedReply: [SessionStoreFailure.Cause.unexpectedReply.remedy]
        case .overloaded: [SessionStoreFailure.Cause.overloaded.remedy]
        case .notReplicated: [SessionStoreFailure.Cause.notReplicated(replicas: 0, wanted: 1).remedy]
        }
    }

    @Test func hasEveryCauseOfTheSessionStore() throws {
        let table = try Self.table("## The session store")
        #expect(Set(table.names) == Set(SessionStoreFailure.Cause.Kind.allCases.map(\.rawValue)))
        for row in table.rows {
            let kind = try #require(SessionStoreFailure.Cause.Kind(rawValue: Self.plain(row[0])))
            for remedy in Self.remedies(of: kind) { #expect(Self.plain(row[2]).contains(remedy), "\(kind)") }
        }
        let text = try String(contentsOfFile: "\(CountersignProcess.repository)/docs/errors.md", encoding: .utf8)
        for kind in UnreadableRecord.allCases { #expect(text.contains("\n| `\(kind.rawValue)` | "), "\(kind)") }
    }

    @Test func hasEveryReasonForALostKeyAndAnEndedConnection() throws {
        let skipped = try Self.table("## Keys of an issuer that are not used")
        #expect(skipped.names == JWKSkipReason.allCases.map(\.rawValue))
        #expect(try Self.table("## Why a connection ended").names == CloseReason.allCases.map(\.rawValue))
    }

    @Test func hasEveryWordOfTheVerifierOfSignatures() throws {
        let table = try Self.table("## `countersign jws verify`")
        #expect(table.rows.map { Self.plain($0[0]) } == JWSFault.allCases.map(\.rawValue))
        #expect(table.rows.map { $0[1] } == JWSFault.allCases.map(\.meaning))
    }

    private static func plain(_ text: String) -> String { DocumentTable.plain(text) }
}

import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Our scanner compared with two readers that others use for the same tokens: Foundation's, and libjwt's jansson.
@Suite struct JSONDifferentialTests {
    private static let documents = 4000

    private func documents(seed: UInt64) -> [[UInt8]] {
        var generated = GeneratedJSON(seed: seed)
        return (0..<Self.documents).map { _ in generated.next() }
    }

    private func foundation(_ text: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(text))) as? [String: Any]
    }

    @Test func janssonReadsTheNamesThatWeRead() throws {
        var accepted = 0
        for text in documents(seed: 1) {
            guard let object = try? JSONObject(text, limits: JSONLimits()), !GeneratedJSON.hasNumberTooLarge(text)
            else { continue }
            accepted += 1
            let theirs = try #require(
                LibJWTSecondOpinion().names(ofClaims: text), "\(String(decoding: text, as: UTF8.self))")
            #expect(theirs.count == object.names.count)
            #expect(Set(theirs) == Set(object.names), "\(String(decoding: text, as: UTF8.self))")
        }
        #expect(accepted > Self.documents / 10)
    }

    /// Foundation keeps one of two names that are the same to Unicode, and so does every `[String: …]` in Swift.
    @Test func foundationReadsTheNamesThatWeRead() throws {
        var accepted = 0
        for text in documents(seed: 2) {
            guard let object = try? JSONObject(text, limits: JSONLimits()), !GeneratedJSON.hasNumberTooLarge(text)
            else { continue }
            accepted += 1
            let theirs = try #require(foundation(text), "\(String(decoding: text, as: UTF8.self))")
            #expect(
                Set(theirs.keys) == Set(object.names.map(\.description)), "\(String(decoding: text, as: UTF8.self))")
        }
        #expect(accepted > Self.documents / 10)
    }

    @Test func refusesWhatFoundationAcceptsOnlyByTheDocumentedRules() {
        var reasons: [Strictness: Int] = [:]
        for text in documents(seed: 3) {
            let refusal: JSONError
            do {
                _ = try JSONObject(text, limits: JSONLimits())
                continue
            } catch { refusal = error }
            guard foundation(text) != nil else { continue }
            let reason = Strictness(refusal, of: text)
            #expect(reason != nil, "\(String(decoding: text, as: UTF8.self))")
            if let reason { reasons[reason, default: 0] += 1 }
        }
        #expect(reasons[.duplicateMember, default: 0] > 50)
    }
}

/// Why ``JSONObject`` refuses what RFC 8259 or a lax reader would accept.
private enum Strictness {
    case duplicateMember, limits, loneSurrogate, nul, notUTF8, byteOrderMark

    /// Nil if no rule gives a reason.
    init?(_ refusal: JSONError, of text: [UInt8]) {
        let string = String(decoding: text, as: UTF8.self)
        switch refusal {
        case .duplicateMember: self = .duplicateMember
        case .tooDeep, .tooManyMembers: self = .limits
        case .malformed where text.starts(with: [0xEF, 0xBB, 0xBF]): self = .byteOrderMark
        case .malformed where String(validating: text, as: UTF8.self) == nil || text.contains(0): self = .notUTF8
        case .malformed where string.contains(#"\u0000"#): self = .nul
        case .malformed where string.lowercased().contains(#"\ud"#): self = .loneSurrogate
        case .malformed: return nil
        }
    }
}

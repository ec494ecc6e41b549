import CountersignService
import Foundation
import FoundationXML
import TestSupport
import Testing
import TokenExchange

/// The drawing of the signing keys' lives, whatever those lives are.
@Suite struct KeyTimelineTests {
    private static let start = ManualClock.start
    private static let day = 86400
    private static let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(10_800), .rs256: .seconds(3600)])

    private static func empty() -> SigningKeyManifest {
        SigningKeyManifest(
            keys: [], writtenAt: start - .seconds(400 * day), keySetMaximumAge: RetainedMaximum(.seconds(600)),
            lifetimes: [:])
    }

    /// A key that has signed for twenty days.
    private static func oneKey() throws -> SigningKeyManifest {
        var manifest = empty()
        _ = try manifest.publish("first", .es256, at: start - .seconds(20 * day), times: times)
        return manifest
    }

    // MARK: What will happen

    @Test func foretellsOneWholeRotation() throws {
        let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(10_800)])
        let moments = try Self.oneKey().timeline(at: Self.start, times: times)
        let takeover = Self.start + .seconds(70 * Self.day)
        #expect(
            moments.map(\.at) == [
                Self.start - .seconds(20 * Self.day), takeover - .seconds(720), takeover, takeover,
                takeover + .seconds(10_800 + 150),
            ])
        let timeline = KeyTimeline(moments, today: Self.start, limit: 9)
        #expect(
            timeline.rows.map(\.events) == [
                ["A signs"], [], ["B is published"], ["B signs", "A retires"], ["A is gone"],
            ])
        #expect(timeline.today == 1)
        typealias Bar = KeyTimeline.Bar
        #expect(
            timeline.columns.map(\.bars) == [
                [Bar(phase: .signs, start: 0, end: 3), Bar(phase: .retires, start: 3, end: 4)],
                [Bar(phase: .published, start: 2, end: 3), Bar(phase: .signs, start: 3)],
            ])
    }

    @Test func takesAStepThatIsOverdueNow() throws {
        let now = Self.start + .seconds(100 * Self.day)
        let moments = try Self.oneKey().timeline(at: now, times: Self.times)
        #expect(moments.first { $0.change.keyID != "first" }?.at == now)
    }

    @Test func tellsThatARevokedKeyIsRevokedAndThatARetiringOneHasSigned() throws {
        var manifest = try Self.oneKey()
        _ = try manifest.publish("second", .es256, at: Self.start, times: Self.times)
        _ = try manifest.activate("second", at: Self.start + .seconds(720), times: Self.times)
        _ = try manifest.publish("third", .es256, at: Self.start + .seconds(800), times: Self.times)
        _ = try manifest.revoke("third", at: Self.start + .seconds(900), times: Self.times)
        let now = Self.start + .seconds(1000)
        let timeline = KeyTimeline(manifest.timeline(at: now, times: Self.times), today: now, limit: 9)
        let first = try #require(timeline.columns.first { $0.keyID == "first" })
        #expect(first.bars.first?.phase == .signs && first.bars.first?.start == nil, "nobody knows since when")
        let third = try #require(timeline.columns.first { $0.keyID == "third" })
        #expect(third.bars.isEmpty && third.revoked.map { timeline.rows[$0].at } == Self.start + .seconds(900))
    }

    // MARK: Any manifest

    /// A manifest after any commands at any times.
    private static func manifest(_ generator: inout SeededGenerator) -> (SigningKeyManifest, UnixTime) {
        var (manifest, now, number) = (empty(), start, 0)
        for _ in 0..<Int.random(in: 0...14, using: &generator) {
            now = now + .seconds(Int.random(in: 0...(20 * day), using: &generator))
            let key = manifest.keys.randomElement(using: &generator)?.keyID ?? "none"
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                number += 1
                let algorithm: SignatureAlgorithm = Bool.random(using: &generator) ? .es256 : .rs256
                _ = try? manifest.publish(ExactText("key-\(number)"), algorithm, at: now, times: times)
            case 2: _ = try? manifest.activate(key, at: now, times: times)
            case 3: _ = try? manifest.retire(key, at: now, times: times, isForced: Bool.random(using: &generator))
            default: _ = try? manifest.revoke(key, at: now, times: times)
            }
        }
        return (manifest, now + .seconds(Int.random(in: 0...3600, using: &generator)))
    }

    @Test(arguments: UInt64(0)..<60) func putsBarsInOrderOneForEachKeyAndState(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let (manifest, now) = Self.manifest(&generator)
            let timeline = KeyTimeline(manifest.timeline(at: now, times: Self.times), today: now, limit: 1000)
            #expect(timeline.rows.map(\.at) == timeline.rows.map(\.at).sorted() && timeline.leftOut == 0)
            #expect(Set(timeline.columns.map(\.keyID)).count == timeline.columns.count)
            for column in timeline.columns {
                for (earlier, later) in zip(column.bars, column.bars.dropFirst()) {
                    #expect(earlier.end == later.start && earlier.phase != later.phase)
                }
                for bar in column.bars { #expect((bar.start ?? -1) < (bar.end ?? timeline.rows.count)) }
            }
            for key in manifest.keys where !key.isWithdrawnOrRevoked {
                let column = try #require(timeline.columns.first { $0.keyID == key.keyID })
                let phase = column.bars.last {
                    ($0.start ?? 0) <= timeline.today && ($0.end ?? 1000) >= timeline.today
                }?.phase
                let expected: [KeyTimeline.Phase] =
                    switch key.state {
                    case .published: [.published, .signs]
                    case .active: [.signs, .retires]
                    default: [.retires]
                    }
                #expect(
                    phase.map(expected.contains) ?? (key.state == .retiring),
                    "\(key.state) \(String(describing: phase))")
            }
        }
    }

    @Test(arguments: UInt64(0)..<40, [300, 340, 640, 1200])
    func staysInsideItsViewAndKeepsLabelsApart(seed: UInt64, width: Int) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5 {
            let (manifest, now) = Self.manifest(&generator)
            let drawing = KeyTimelineDrawing(manifest.timeline(at: now, times: Self.times), today: now, width: width)
            let (size, shapes, texts) = try Self.read(drawing.file)
            for shape in shapes {
                #expect(shape.x >= 0 && shape.y >= 0 && shape.width >= 0 && shape.height > 0)
                #expect(shape.x + shape.width <= size.width && shape.y + shape.height <= size.height)
            }
            for text in texts { #expect(text.x + text.width <= size.width && text.y < size.height - 4, "\(text)") }
            for (upper, lower) in zip(texts.sorted { $0.y < $1.y }, texts.sorted { $0.y < $1.y }.dropFirst()) {
                #expect(lower.y == upper.y || lower.y - upper.y >= 16)
                if lower.y == upper.y { #expect(upper.isName && lower.isName && upper.x != lower.x) }
            }
        }
    }

    private struct Shape { var x = 0, y = 0, width = 0, height = 0 }
    private struct Text { var x = 0, y = 0, width = 0, isName = false }

    /// Rectangles and texts of a drawing, which is well-formed XML, with widths as in a wide font.
    private static func read(_ file: String) throws -> (size: Shape, [Shape], [Text]) {
        _ = try XMLDocument(data: Data(file.utf8))
        func shape(_ attributes: Substring) -> Shape {
            var values: [String: Int] = [:]
            for match in attributes.matches(of: /(\w+)="(\d+)"/) { values[String(match.1)] = Int(match.2) }
            return Shape(
                x: values["x"] ?? 0, y: values["y"] ?? 0, width: values["width"] ?? 0, height: values["height"] ?? 0)
        }
        let size = shape(try #require(file.firstMatch(of: /<svg ([^>]*)>/)).1)
        let shapes = file.matches(of: /<rect ([^>]*)\/>/).map { shape($0.1) }
        let texts = file.matches(of: /<text ([^>]*)>([^<]*)</).map { match in
            let (place, isName) = (shape(match.1), match.1.contains("\"name\""))
            return Text(x: place.x, y: place.y, width: isName ? 6 : match.2.count * 7, isName: isName)
        }
        #expect(size.width > 0 && shapes.count > 2 && texts.count > 4, "the test sees something")
        return (size, shapes, texts)
    }

    @Test func saysWhenThereIsNoRoomForAKey() throws {
        var manifest = Self.empty()
        for number in 0..<300 {
            let time = Self.start - .seconds(1000 - number)
            _ = try manifest.publish(ExactText("key-\(number)"), .es256, at: time, times: Self.times)
        }
        let drawing = KeyTimelineDrawing(
            manifest.timeline(at: Self.start, times: Self.times), today: Self.start, width: 340)
        #expect(drawing.file.contains(" more keys are not drawn.<"))
        #expect(drawing.file.count < 20_000, "moments of keys that are not drawn have no rows")
    }

    @Test func saysInWordsWhatItDraws() throws {
        let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(10_800)])
        let moments = try Self.oneKey().timeline(at: Self.start, times: times)
        let file = KeyTimelineDrawing(moments, today: Self.start, width: 640).file
        #expect(
            file.contains("role=\"img\"")
                && file.contains("<title id=\"timeline-title\">Signing keys over time</title>"))
        #expect(file.contains("Today: 24 Nov 2025, 17:00") && file.contains("in 69 d: B is published"))
    }
}

import BlockingWork
import FoundationEssentials
import Glibc
import TokenExchange

/// What the kernel says about this process (`proc(5)`). Not to be asked on an event loop: with many open files it takes
/// milliseconds.
struct ProcessStatus {
    /// In user and kernel mode.
    let cpuSeconds: Double
    let threads: Double
    let virtualBytes: Double
    let residentBytes: Double
    /// From the machine's start on.
    private let startedAt: Double

    /// Nil if the kernel does not say.
    init?() {
        let clockTick = Double(sysconf(Int32(_SC_CLK_TCK)))
        // After the program's name, which may hold anything.
        guard let text = try? FileContents.read("/proc/self/stat"), let name = text.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = text[name...].split(separator: UInt8(ascii: " ")).map {
            Double(String(decoding: $0, as: UTF8.self))
        }
        // The 3rd field is the first one after the name.
        func field(_ number: Int) -> Double? { number - 2 < fields.count ? fields[number - 2] : nil }
        guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
            let virtual = field(23), let pages = field(24)
        else { return nil }
        cpuSeconds = (user + system) / clockTick
        self.threads = threads
        virtualBytes = virtual
        residentBytes = pages * Double(sysconf(Int32(_SC_PAGESIZE)))
        startedAt = start / clockTick
    }

    /// When the process began; nil if the kernel does not say.
    static func startTime(at now: UnixTime) -> UnixTime? {
        guard let status = ProcessStatus(), let text = try? FileContents.read("/proc/uptime") else { return nil }
        let uptime = text.split(separator: UInt8(ascii: " ")).first.flatMap {
            Double(String(decoding: $0, as: UTF8.self))
        }
        return uptime.map { UnixTime(seconds: now.seconds - $0 + status.startedAt) }
    }

    /// Files and sockets, without the folder that is read for it.
    static var openFiles: Double? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count - 1) }
    }
}

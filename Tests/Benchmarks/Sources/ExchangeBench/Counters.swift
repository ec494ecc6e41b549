import CInstructions
import Foundation
import TestSupport

/// What a process or thread has used. Nil for what nobody counts here.
struct Cost {
    var nanoseconds = 0.0
    var allocations: Double?
    var allocatedBytes: Double?
    var instructions: Double?

    static func - (more: Cost, less: Cost) -> Cost {
        func difference(_ figure: KeyPath<Cost, Double?>) -> Double? {
            more[keyPath: figure].map { $0 - (less[keyPath: figure] ?? 0) }
        }
        return Cost(
            nanoseconds: more.nanoseconds - less.nanoseconds, allocations: difference(\.allocations),
            allocatedBytes: difference(\.allocatedBytes), instructions: difference(\.instructions))
    }

    static func / (cost: Cost, count: Int) -> Cost {
        let count = Double(count)
        return Cost(
            nanoseconds: cost.nanoseconds / count, allocations: cost.allocations.map { $0 / count },
            allocatedBytes: cost.allocatedBytes.map { $0 / count }, instructions: cost.instructions.map { $0 / count })
    }

    static let tableHead = """
        | part | CPU, ns | allocations | bytes allocated | instructions |
        |---|---|---|---|---|
        """

    func row(_ name: String) -> String {
        func cell(_ figure: Double?, _ format: String = "%.0f") -> String {
            figure.map { String(format: format, $0) } ?? "-"
        }
        let cells = [
            cell(nanoseconds), cell(allocations, "%.1f"), cell(allocatedBytes), cell(instructions),
        ]
        return "| \(name) | \(cells.joined(separator: " | ")) |"
    }
}

/// The counters of this process.
struct Counters {
    /// The file of `Login/allocations.c`: calls so far, then bytes so far. Nil if that is not preloaded.
    private let allocations: UnsafePointer<UInt64>?
    private let instructions: InstructionCounter

    /// Counts the instructions of this thread and of those that it starts.
    init() throws {
        instructions = InstructionCounter(withNewThreads: true)
        guard let path = ProcessInfo.processInfo.environment["ALLOCATION_COUNTS"] else {
            allocations = nil
            return
        }
        let size = 2 * MemoryLayout<UInt64>.size
        let file = open(path, O_RDONLY | O_CLOEXEC)
        let memory = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0)
        close(file)
        guard let memory, memory != MAP_FAILED else {
            throw ProgramFailure(description: "expected a file of \(size) bytes in ALLOCATION_COUNTS, found \(path)")
        }
        allocations = UnsafePointer(memory.bindMemory(to: UInt64.self, capacity: 2))
        guard allocations?[0] != 0 else {
            throw ProgramFailure(description: "nobody counts in \(path): start it with `make bench-parts`")
        }
    }

    var cost: Cost {
        Cost(
            nanoseconds: nanoseconds(CLOCK_PROCESS_CPUTIME_ID), allocations: allocations.map { Double($0[0]) },
            allocatedBytes: allocations.map { Double($0[1]) }, instructions: instructions.count)
    }
}

/// What one thread uses, except allocations.
struct ThreadCounters {
    private let instructions = InstructionCounter(withNewThreads: false)

    /// Of the thread that asks, which is the one that made the counters.
    var cost: Cost { Cost(nanoseconds: nanoseconds(CLOCK_THREAD_CPUTIME_ID), instructions: instructions.count) }
}

/// The processor's own counter.
private final class InstructionCounter {
    private let descriptor: CInt

    init(withNewThreads: Bool) {
        descriptor = open_instruction_counter(withNewThreads)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Nil if the machine has no such counter.
    var count: Double? {
        var count: UInt64 = 0
        let size = MemoryLayout<UInt64>.size
        return read(descriptor, &count, size) == size ? Double(count) : nil
    }
}

private func nanoseconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

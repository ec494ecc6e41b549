import CLibFuzzer
import Foundation
package import FuzzProperties

/// Hands the process to libFuzzer, which reads the command line and calls `check` until it is told to stop.
///
/// libFuzzer's own `main` cannot be used: SwiftPM links an executable's `main` to its module's entry point.
package enum FuzzDriver {
    package static func run(_ check: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) -> Never {
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(LLVMFuzzerRunDriver(&count, &arguments, check))
    }
}

extension FuzzTarget {
    /// Traps, which libFuzzer takes for a finding, where a property does not hold.
    package func check(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        do { try check(Array(UnsafeBufferPointer(start: start, count: count))) } catch { fatalError("\(error)") }
        return 0
    }
}

import FuzzDriver
import FuzzProperties

@main enum FuzzKeySet {
    static func main() {
        FuzzDriver.run { start, count in FuzzTarget.keySet.check(start, count) }
    }
}

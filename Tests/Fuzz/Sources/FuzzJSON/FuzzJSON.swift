import FuzzDriver
import FuzzProperties

@main enum FuzzJSON {
    static func main() {
        FuzzDriver.run { start, count in FuzzTarget.json.check(start, count) }
    }
}

import SessionModel
import Testing

@testable import Detection

struct UserSketchTests {
    @Test(
        "counts are near, whatever the order and however often",
        arguments: [
            0, 1, 2, 10, 100, 1000, 2559, 2560, 10_000, 200_000,
        ])
    func count(_ users: Int) {
        var one = UserSketch()
        var other = UserSketch()
        var both = UserSketch()
        for user in 0..<users {
            let key = mix(UInt64(user), 3)
            one.add(key)
            one.add(key)
            if user % 2 == 0 { other.add(key) } else { both.add(key) }
        }
        both.add(other)
        #expect(both == one)
        #expect(abs(one.count - Double(users)) <= max(0.5, 0.1 * Double(users)), "\(one.count)")
    }
}

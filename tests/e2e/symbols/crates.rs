// Crates of all kinds in one program: its own, the standard library's and those inside of that.
use std::collections::HashMap;
use std::fmt;

trait Describe {
    #[inline(never)]
    fn describe(&self) -> String {
        format!("{}", std::mem::size_of_val(self))
    }
}

struct Pile {
    bytes: Vec<u8>,
}

impl fmt::Display for Pile {
    #[inline(never)]
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}", self.bytes.len())
    }
}

impl Describe for Pile {
    #[inline(never)]
    fn describe(&self) -> String {
        self.to_string()
    }
}

impl Describe for String {}

// Its methods lie below the enumeration in the debug information.
#[derive(Clone, Copy)]
enum Size {
    Small,
    Large,
}

impl Size {
    #[inline(never)]
    fn boxed(self, number: u32) -> Box<u32> {
        boxed_twice(match self {
            Size::Small => number,
            Size::Large => number * 1000,
        })
    }
}

#[inline(always)]
fn boxed_twice(number: u32) -> Box<u32> {
    Box::new(number * 2)
}

fn main() {
    let mut map = HashMap::new();
    for i in 0..100u32 {
        map.insert(i, vec![i; 10]);
    }
    let pile = Pile { bytes: vec![1] };
    println!("{} {} {} {:?}", pile, pile.describe(), String::new().describe(), map.get(&3));
    println!("{} {}", Size::Small.boxed(1), Size::Large.boxed(2));
    let texts: Vec<String> = map.iter().map(|(k, v)| format!("{k}{v:?}")).collect();
    println!("{}", texts.len());
}

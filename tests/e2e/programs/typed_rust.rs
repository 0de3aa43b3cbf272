// Allocates known numbers of known types, each in a function of its own. The allocator below counts
// for the case that runs; stdout gets it as JSON: {"case": ["type", blocks, bytes, live blocks,
// live bytes]}. A block that is resized counts as freed and allocated anew. Everything is kept.
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, HashMap, LinkedList, VecDeque};
use std::ffi::CString;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;

#[derive(Clone, Default)]
#[allow(dead_code)]
struct Order {
    id: u64,
    price: f64,
    symbol: [u8; 16],
}

struct Counting;
static COUNTS: [AtomicUsize; 4] =
    [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)];

fn count(blocks: isize, bytes: usize) {
    if blocks > 0 {
        COUNTS[0].fetch_add(1, Relaxed);
        COUNTS[1].fetch_add(bytes, Relaxed);
        COUNTS[2].fetch_add(1, Relaxed);
        COUNTS[3].fetch_add(bytes, Relaxed);
    } else {
        COUNTS[2].fetch_sub(1, Relaxed);
        COUNTS[3].fetch_sub(bytes, Relaxed);
    }
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size());
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-1, layout.size());
        System.dealloc(block, layout)
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(-1, layout.size());
        count(1, size);
        System.realloc(block, layout, size)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[inline(never)]
fn case_vec() {
    let mut orders: Vec<Order> = Vec::new();
    for _ in 0..100 {
        orders.push(Order::default());
    }
    std::mem::forget(orders);
}

#[inline(never)]
fn case_string() {
    let mut text = String::with_capacity(50);
    for _ in 0..30 {
        text.push_str("order ");
    }
    std::mem::forget(text);
}

#[inline(never)]
fn case_hash_map() {
    let mut table: HashMap<u32, Order> = HashMap::new();
    for i in 0..50 {
        table.insert(i, Order::default());
    }
    std::mem::forget(table);
}

#[inline(never)]
fn case_btree_map() {
    let mut tree: BTreeMap<u32, Order> = BTreeMap::new();
    for i in 0..50 {
        tree.insert(i, Order::default());
    }
    std::mem::forget(tree);
}

#[inline(never)]
fn case_vec_deque() {
    let mut queue: VecDeque<Order> = VecDeque::new();
    for _ in 0..40 {
        queue.push_back(Order::default());
    }
    std::mem::forget(queue);
}

#[inline(never)]
fn case_linked_list() {
    let mut chain: LinkedList<Order> = LinkedList::new();
    for _ in 0..5 {
        chain.push_back(Order::default());
    }
    std::mem::forget(chain);
}

#[inline(never)]
fn case_box() {
    for _ in 0..3 {
        std::mem::forget(Box::new(Order::default()));
    }
}

#[inline(never)]
fn case_rc() {
    std::mem::forget(Rc::new(Order::default()));
}

#[inline(never)]
fn case_arc() {
    for _ in 0..2 {
        std::mem::forget(Arc::new(Order::default()));
    }
}

#[inline(never)]
fn case_c_string() {
    std::mem::forget(CString::new("twelve bytes").unwrap());
}

fn run(report: &mut String, name: &str, type_name: &str, case: fn()) {
    for count in &COUNTS {
        count.store(0, Relaxed);
    }
    case();
    let counts = [COUNTS[0].load(Relaxed), COUNTS[1].load(Relaxed), COUNTS[2].load(Relaxed),
                  COUNTS[3].load(Relaxed)];
    let between = if report.is_empty() { "{" } else { ",\n" };
    write!(report, "{}\"{}\": [\"{}\", {}, {}, {}, {}]", between, name, type_name, counts[0],
           counts[1], counts[2], counts[3]).unwrap();
}

fn main() {
    let mut report = String::new();
    run(&mut report, "case_vec", "Vec<typed_rust::Order>", case_vec);
    run(&mut report, "case_string", "String", case_string);
    run(&mut report, "case_hash_map", "HashMap<u32, typed_rust::Order>", case_hash_map);
    run(&mut report, "case_btree_map", "BTreeMap<u32, typed_rust::Order>", case_btree_map);
    run(&mut report, "case_vec_deque", "VecDeque<typed_rust::Order>", case_vec_deque);
    run(&mut report, "case_linked_list", "LinkedList<typed_rust::Order>", case_linked_list);
    run(&mut report, "case_box", "Box<typed_rust::Order>", case_box);
    run(&mut report, "case_rc", "Rc<typed_rust::Order>", case_rc);
    run(&mut report, "case_arc", "Arc<typed_rust::Order>", case_arc);
    run(&mut report, "case_c_string", "CString", case_c_string);
    println!("{}}}", report);
}

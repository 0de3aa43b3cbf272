// A Go program with a part in C: that one's blocks are malloc's, Go's own are not.
package main

/*
#include <stdlib.h>

static void *keep(size_t bytes)
{
    return malloc(bytes);
}
*/
import "C"

import "fmt"

func main() {
	slices := make([][]byte, 0)
	for i := 0; i < 1000; i++ {
		block := C.keep(100)
		if i%4 != 0 {
			C.free(block)
		}
		slices = append(slices, make([]byte, 1000))
	}
	fmt.Println(len(slices))
}

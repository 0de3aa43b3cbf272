#include "analysis/median.h"

#include <math.h>

static void swap(double *a, double *b)
{
    const double value = *a;
    *a = *b;
    *b = value;
}

/* Hoare's selection; the middle element as pivot keeps ordered lists linear. */
double ms_select(double *list, size_t count, size_t rank)
{
    size_t low = 0;
    size_t high = count - 1;
    while (low < high) {
        const double pivot = list[low + (high - low) / 2];
        size_t left = low;
        size_t right = high;
        while (left <= right) {
            while (list[left] < pivot) {
                left++;
            }
            while (list[right] > pivot) {
                right--;
            }
            if (left > right) {
                break;
            }
            swap(&list[left++], &list[right]);
            if (right == 0) {
                break;
            }
            right--;
        }
        if (rank <= right) {
            high = right;
        } else if (rank >= left) {
            low = left;
        } else {
            break;
        }
    }
    return list[rank];
}

double ms_median(double *list, size_t count)
{
    if (count == 0) {
        return (double)NAN;
    }
    const double upper = ms_select(list, count, count / 2);
    if (count % 2 != 0) {
        return upper;
    }
    /* Selection leaves the smaller ones below. */
    double lower = list[0];
    for (size_t i = 1; i < count / 2; i++) {
        lower = list[i] > lower ? list[i] : lower;
    }
    return lower + (upper - lower) / 2;
}

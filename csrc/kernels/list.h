/* Finding one's place in a list of tensors. */
#ifndef TK_LIST_H
#define TK_LIST_H

#include "work.h"

/* The tensor that holds unit `at`; tensors without units hold none. */
static inline int tk_list_find(const tk_list_work *w, int64_t at)
{
    int low = 0, high = w->n - 1; /* start[low] <= at */
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (w->start[middle] <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

#endif

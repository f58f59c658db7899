/* Recording: the launches of one thread between begin and end, and the memory they use.
 *
 * An address is looked up when a launch is recorded, while what stands there is still alive: an
 * argument of the recorded function, a block made since the recording began, a number on the stack
 * of a door (a constant), or memory from outside, which is then held until the tape is freed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_getattr_np */
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "tape.h"

int tk_tapes;
static _Thread_local tk_tape *mine;

static int grow(void *array, int64_t *room, int64_t needed, size_t size)
{
    if (needed <= *room)
        return 0;
    int64_t more = *room ? 2 * *room : 64;
    while (more < needed)
        more *= 2;
    void *bigger = realloc(*(void **)array, (size_t)more * size);
    if (!bigger)
        return -1;
    *(void **)array = bigger;
    *room = more;
    return 0;
}

static void find_stack(tk_tape *t)
{
#ifdef __linux__
    pthread_attr_t attr;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attr))
        return;
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_destroy(&attr);
    t->stack_low = low;
    t->stack_high = t->stack_low + size;
#else
    t->stack_high = pthread_get_stackaddr_np(pthread_self());
    t->stack_low = t->stack_high - pthread_get_stacksize_np(pthread_self());
#endif
}

static int64_t add_block(tk_tape *t, tk_tape_block block)
{
    if (grow(&t->blocks, &t->room_blocks, t->num_blocks + 1, sizeof *t->blocks)) {
        t->failed = 1;
        return -1;
    }
    t->blocks[t->num_blocks] = block;
    return t->last = t->num_blocks++;
}

tk_tape *tk_tape_begin(int n, tk_tensor **inputs)
{
    if (mine) {
        tk_fail(TK_RUNTIME_ERROR, "compile: this thread records already");
        return NULL;
    }
    tk_tape *t = calloc(1, sizeof *t);
    if (!t) {
        tk_fail(TK_MEMORY_ERROR, "compile: out of memory");
        return NULL;
    }
    find_stack(t);
    for (int i = 0; i < n; i++) {
        const char *low, *high;
        tk_byte_range(inputs[i], &low, &high);
        add_block(t, (tk_tape_block){.base = inputs[i]->data,
                                     .low = low - inputs[i]->data,
                                     .nbytes = inputs[i]->numel ? high - low : 0,
                                     .kind = TK_BLOCK_INPUT,
                                     .alive = 1});
    }
    t->num_inputs = n;
    mine = t;
    __atomic_add_fetch(&tk_tapes, 1, __ATOMIC_RELAXED);
    return t;
}

void tk_tape_end(tk_tape *t)
{
    if (mine != t)
        return;
    mine = NULL;
    __atomic_sub_fetch(&tk_tapes, 1, __ATOMIC_RELAXED);
}

int tk_recording(void)
{
    return mine != NULL;
}

int tk_refuse_recording(const char *op)
{
    if (!mine)
        return 0;
    tk_fail(TK_RUNTIME_ERROR,
            "%s: cannot be part of a compiled function: what it reads or decides now would be "
            "replayed for other values",
            op);
    return -1;
}

void tk_tape_free(tk_tape *t)
{
    tk_tape_end(t);
    for (int64_t i = 0; i < t->num_launches; i++)
        free(t->launches[i].work);
    for (int64_t i = 0; i < t->num_blocks; i++) {
        tk_storage *storage = t->blocks[i].storage;
        if (storage) { /* never the last reference: tk_tape_memory has given handles to it */
            __atomic_sub_fetch(&storage->held, 1, __ATOMIC_RELAXED);
            __atomic_sub_fetch(&storage->refs, 1, __ATOMIC_ACQ_REL);
        }
        free(t->blocks[i].copy);
    }
    free(t->launches);
    free(t->pointers);
    free(t->blocks);
    free(t);
}

/* -- blocks --------------------------------------------------------------------------------------- */

static int holds(const tk_tape_block *b, const char *address)
{
    return b->alive && address >= b->base + b->low && address < b->base + b->low + b->nbytes;
}

void tk_tape_block_note(char *data, int64_t nbytes)
{
    if (mine) /* an empty block still has an address of its own */
        add_block(mine, (tk_tape_block){.base = data,
                                        .nbytes = nbytes ? nbytes : 1,
                                        .kind = TK_BLOCK_INSIDE,
                                        .alive = 1});
}

void tk_tape_block_gone(const char *data)
{
    for (int64_t i = mine ? mine->num_blocks - 1 : -1; i >= 0; i--)
        if (mine->blocks[i].alive && mine->blocks[i].base == data &&
            mine->blocks[i].kind == TK_BLOCK_INSIDE) {
            mine->blocks[i].alive = 0;
            return;
        }
}

static int64_t find_block(tk_tape *t, char *address, int64_t bytes)
{
    for (int64_t i = 0; i < t->num_inputs; i++) /* first: memory outside may hold them too */
        if (holds(&t->blocks[i], address))
            return i;
    if (t->last < t->num_blocks && holds(&t->blocks[t->last], address))
        return t->last;
    for (int64_t i = t->num_blocks - 1; i >= 0; i--)
        if (holds(&t->blocks[i], address))
            return t->last = i;
    if (address >= t->stack_low && address < t->stack_high) {
        char *copy = malloc((size_t)bytes);
        if (!copy) {
            t->failed = 1;
            return -1;
        }
        memcpy(copy, address, (size_t)bytes);
        int64_t i = add_block(t, (tk_tape_block){.base = address, /* not alive: nobody else's */
                                                 .nbytes = bytes,
                                                 .kind = TK_BLOCK_CONSTANT,
                                                 .copy = copy});
        if (i < 0)
            free(copy);
        return i;
    }
    tk_storage *storage = tk_storage_at(address);
    if (!storage) {
        strcpy(t->problem, "a launch uses memory that belongs to no tensor");
        return -1;
    }
    for (int64_t i = 0; i < t->num_inputs; i++)
        if (t->blocks[i].base + t->blocks[i].low < storage->data + storage->nbytes &&
            storage->data < t->blocks[i].base + t->blocks[i].low + t->blocks[i].nbytes)
            strcpy(t->problem, "an argument shares memory with another tensor that is used");
    __atomic_add_fetch(&storage->held, 1, __ATOMIC_RELAXED);
    return add_block(t, (tk_tape_block){.base = storage->data,
                                        .nbytes = storage->nbytes,
                                        .kind = TK_BLOCK_OUTSIDE,
                                        .alive = 1,
                                        .storage = storage});
}

/* -- launches ------------------------------------------------------------------------------------- */

void tk_tape_launch_note(int kernel, int dtype, const void *work, int64_t units, int64_t grain)
{
    tk_tape *t = mine;
    if (!t || t->failed || *t->problem)
        return;
    int64_t nbytes;
    char *copy = tk_work_copy(kernel, work, &nbytes);
    if (!copy && nbytes < 0) {
        snprintf(t->problem, sizeof t->problem, "%s cannot be replayed", tk_kernels[kernel].name);
        return;
    }
    int count = copy ? tk_work_pointers(kernel, dtype, copy, NULL) : 0;
    tk_pointer *pointers = copy ? malloc((size_t)(count + 1) * sizeof *pointers) : NULL;
    if (!pointers ||
        grow(&t->launches, &t->room_launches, t->num_launches + 1, sizeof *t->launches) ||
        grow(&t->pointers, &t->room_pointers, t->num_pointers + count, sizeof *t->pointers)) {
        t->failed = 1;
        free(copy);
        free(pointers);
        return;
    }
    tk_work_pointers(kernel, dtype, copy, pointers);
    int64_t first = t->num_pointers;
    for (int i = 0; i < count; i++) {
        tk_pointer p = pointers[i];
        tk_tape_pointer found = {.at = (char *)p.at - copy, .block = -1, .mode = p.mode};
        if (!(p.mode & (TK_HYPER | TK_CHECKS))) {
            found.block = find_block(t, *p.at, p.bytes);
            if (found.block < 0)
                break;
            found.offset = *p.at - t->blocks[found.block].base;
        }
        t->pointers[t->num_pointers++] = found;
    }
    free(pointers);
    t->launches[t->num_launches++] = (tk_tape_launch){.kernel = kernel,
                                                      .dtype = dtype,
                                                      .units = units,
                                                      .grain = grain,
                                                      .nbytes = nbytes,
                                                      .work = copy,
                                                      .first = first,
                                                      .count = t->num_pointers - first};
}

int tk_note_host(tk_host_call *call, void *function, int n, tk_tensor **operands)
{
    tk_host_work w = {.call = call, .function = function};
    int64_t bad = INT64_MAX;
    if (n < 2 || n > TK_HOST_OPERANDS) {
        tk_fail(TK_RUNTIME_ERROR, "compile: a function of %d tensors cannot be recorded", n - 1);
        return -1;
    }
    for (int i = 0; i < n; i++)
        if (operands[i] && operands[i]->numel)
            w.data[i] = operands[i]->data;
    w.bad = &bad;
    tk_tape_launch_note(TK_K_host, operands[1]->dtype, &w, 1, 1);
    return 0;
}

/* -- reading --------------------------------------------------------------------------------------- */

const char *tk_tape_problem(const tk_tape *t)
{
    return t->failed ? "out of memory" : t->problem;
}

void tk_tape_counts(const tk_tape *t, int64_t counts[3])
{
    counts[0] = t->num_launches;
    counts[1] = t->num_pointers;
    counts[2] = t->num_blocks;
}

void tk_tape_read(const tk_tape *t, int64_t *launches, int64_t *pointers, int64_t *blocks)
{
    int64_t step[TK_MAP_OPERANDS];
    for (int64_t i = 0; i < t->num_launches; i++, launches += TK_TAPE_LAUNCH) {
        const tk_tape_launch *l = &t->launches[i];
        const int64_t row[TK_TAPE_LAUNCH] = {
            l->kernel, l->dtype, l->units, l->first, l->count,
            tk_work_flat(l->kernel, l->work, step)};
        memcpy(launches, row, sizeof row);
        if (row[5])
            memcpy(launches + 6, step, sizeof step);
    }
    for (int64_t i = 0; i < t->num_pointers; i++, pointers += TK_TAPE_POINTER) {
        const tk_tape_pointer *p = &t->pointers[i];
        const int64_t row[TK_TAPE_POINTER] = {p->block, p->offset, p->mode};
        memcpy(pointers, row, sizeof row);
    }
    for (int64_t i = 0; i < t->num_blocks; i++, blocks += TK_TAPE_BLOCK) {
        const tk_tape_block *b = &t->blocks[i];
        const int64_t row[TK_TAPE_BLOCK] = {b->kind, b->nbytes, b->alive};
        memcpy(blocks, row, sizeof row);
    }
}

int64_t tk_tape_find(const tk_tape *t, const tk_tensor *x)
{
    for (int64_t i = t->num_blocks - 1; i >= 0; i--)
        if (t->blocks[i].alive && t->blocks[i].kind != TK_BLOCK_INPUT &&
            t->blocks[i].base == x->storage->data)
            return i;
    return -1;
}

int tk_tape_alike(const tk_tape *t, int64_t a, int64_t b)
{
    const tk_tape_launch *x = &t->launches[a], *y = &t->launches[b];
    return x->kernel == y->kernel && x->dtype == y->dtype && x->units == y->units &&
           tk_work_alike(x->kernel, x->work, y->work);
}

/* The launch `map` works on what `product` gives: makes it a part of the product, which then stands
 * in its place. */
int tk_tape_fold(tk_tape *t, int64_t product, int64_t map)
{
    tk_tape_launch *l = &t->launches[product];
    const tk_tape_launch *m = &t->launches[map];
    const tk_tape_pointer *of_map = &t->pointers[m->first];
    const tk_map_work *w = (const tk_map_work *)m->work;
    int64_t step[TK_MAP_OPERANDS], c = t->pointers[l->first + l->count - 1].block;
    int operands = tk_work_flat(m->kernel, m->work, step), which = -1;
    if (tk_kernels[l->kernel].family != TK_FAMILY_MATMUL || l->dtype != m->dtype || !operands ||
        operands > 3)
        return 0;
    tk_gemm *g = (tk_gemm *)l->work;
    int64_t size = g->m * g->n;
    for (int d = 0; d < g->batch_dims; d++)
        size *= g->batch_size[d];
    for (int i = 0; i < operands; i++)
        if (step[i] != tk_item_size[l->dtype])
            return 0;
    for (int i = 1; i < operands; i++)
        if (of_map[i].block == c)
            which = which < 0 ? i : operands; /* twice is one too many */
    int other = operands == 3 ? 3 - which : 0;
    int symmetric = m->kernel == TK_K_mul || m->kernel == TK_K_add;
    if (which < 1 || which >= operands || (which == 2 && !symmetric) || size != m->units ||
        of_map[which].offset != t->pointers[l->first + l->count - 1].offset ||
        (other && of_map[0].block == of_map[other].block && m->kernel != TK_K_add))
        return 0;
    int epilogue = tk_gemm_epilogue(m->kernel, l->dtype);
    int adds = m->kernel == TK_K_add && !g->addend && tk_is_float(l->dtype);
    if (g->epilogue != TK_EPILOGUE_none || (!adds && epilogue <= 0) ||
        grow(&t->pointers, &t->room_pointers, t->num_pointers + l->count + 1, sizeof *t->pointers))
        return 0;
    of_map = &t->pointers[m->first]; /* it may have moved */
    tk_tape_pointer result = of_map[0], extra = of_map[other ? other : 0];
    tk_gemm folded = *g;
    folded.c = w->data[0];
    if (adds) {
        folded.addend = w->data[other];
    } else {
        folded.epilogue = epilogue;
        folded.p = w->p;
        folded.q = w->q;
        folded.saved = other ? w->data[other] : NULL;
    }
    tk_gemm_plan(&folded, l->dtype, tk_vector_bytes(), tk_get_num_threads());
    tk_pointer now[8];
    int count = tk_work_pointers(l->kernel, l->dtype, &folded, now);
    tk_tape_pointer *to = t->pointers + t->num_pointers;
    for (int i = 0; i < count; i++) { /* by value: what the plan exchanged is found again */
        const tk_tape_pointer *from = NULL;
        if (now[i].at == (char **)(void *)&folded.c)
            from = &result;
        else if (other && now[i].at == (char **)(void *)(adds ? &folded.addend : &folded.saved))
            from = &extra;
        for (int64_t j = l->first; !from && j < l->first + l->count; j++)
            if (t->blocks[t->pointers[j].block].base + t->pointers[j].offset == *now[i].at)
                from = &t->pointers[j];
        if (!from)
            return 0;
        to[i] = *from;
        to[i].at = (char *)now[i].at - (char *)&folded;
        to[i].mode = now[i].mode;
    }
    *g = folded;
    l->first = t->num_pointers;
    t->num_pointers += count;
    l->count = count;
    l->units = g->units;
    l->grain = g->grain;
    return 1;
}

tk_tensor *tk_tape_memory(const tk_tape *t, int64_t block)
{
    tk_storage *storage = t->blocks[block].storage;
    if (!storage) {
        tk_fail(TK_RUNTIME_ERROR, "compile: block %lld is not from outside", (long long)block);
        return NULL;
    }
    return tk_new_bytes(storage);
}

/* A ``with`` block with a grad mode of its own. In Python a Ctrl-C may be raised at the first instruction
 * of __exit__, and the mode would stay; in C none is. */
#ifndef TK_MODE_H
#define TK_MODE_H

#include <stddef.h>
#include <structmember.h>

typedef struct block {
    PyObject_HEAD
    int enabled;    /* in the block */
    int behind;     /* 1 + the mode behind it; 0 for the one before it */
    PyObject *left; /* a list: the modes behind the blocks that were entered, the inner ones last */
} block;

static PyObject *block_enter(PyObject *self, PyObject *unused)
{
    block *b = (block *)self;
    PyObject *mode = PyLong_FromLong(b->behind ? b->behind - 1 : tk_grad_mode());
    (void)unused;
    if (!b->left)
        b->left = PyList_New(0);
    const int failed = !mode || !b->left || PyList_Append(b->left, mode);
    Py_XDECREF(mode);
    if (failed)
        return NULL;
    tk_set_grad_mode(b->enabled);
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *block_exit(PyObject *self, PyObject *exception)
{
    block *b = (block *)self;
    const Py_ssize_t n = b->left ? PyList_Size(b->left) : 0;
    (void)exception;
    if (n < 1) {
        PyErr_SetString(PyExc_RuntimeError, "grad mode: the block was not entered");
        return NULL;
    }
    tk_set_grad_mode((int)PyLong_AsLong(PyList_GetItem(b->left, n - 1)));
    if (PyList_SetSlice(b->left, n - 1, n, NULL))
        return NULL;
    Py_INCREF(Py_None);
    return Py_None;
}

static void block_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((block *)self)->left);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static int block_traverse(PyObject *self, visitproc visit, void *arg) /* a list of numbers has no cycle */
{
    Py_VISIT((PyObject *)Py_TYPE(self));
    return 0;
}

static PyMemberDef block_members[] = {{"enabled", T_INT, offsetof(block, enabled), 0, NULL},
                                      {"behind", T_INT, offsetof(block, behind), 0, NULL},
                                      {NULL, 0, 0, 0, NULL}};

static PyMethodDef block_methods[] = {{"__enter__", block_enter, METH_NOARGS, NULL},
                                      {"__exit__", block_exit, METH_VARARGS, NULL},
                                      {NULL, NULL, 0, NULL}};

static PyType_Slot block_slots[] = {{Py_tp_dealloc, (void *)block_dealloc},
                                    {Py_tp_traverse, (void *)block_traverse},
                                    {Py_tp_members, block_members},
                                    {Py_tp_methods, block_methods},
                                    {0, NULL}};

static PyType_Spec block_spec = {
    .name = "tinygrad_k._kernels.Block",
    .basicsize = (int)sizeof(block),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = block_slots,
};

#endif

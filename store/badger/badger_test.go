package badger_test

import (
	"testing"

	"github.com/tegwick/artifact-store/store"
	"github.com/tegwick/artifact-store/store/badger"
	"github.com/tegwick/artifact-store/store/storetest"
)

func open(t testing.TB, dir string) *badger.DB {
	t.Helper()
	db, err := badger.Open(dir, badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSuite(t *testing.T) {
	storetest.TestMetadata(t, func(t testing.TB) (store.Metadata, func() store.Metadata) {
		dir := t.TempDir()
		db := open(t, dir)
		closeIt := func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		t.Cleanup(func() { closeIt() })
		return db, func() store.Metadata {
			closeIt()
			db = open(t, dir)
			return db
		}
	})
}
